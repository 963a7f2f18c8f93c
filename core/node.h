/*
 * Nodes of a zone while it is built; inside core/zone*.c only. They, and their sets, come from the heap of
 * the zone. Sets that are made elsewhere come from malloc(), and the node that takes one moves it.
 */
#ifndef MIST_CORE_NODE_H
#define MIST_CORE_NODE_H

#include "core/zone.h"

/* NULL: out of memory. */
struct node *node_new(struct heap *heap, const uint8_t *name, uint32_t version);

/* The same name, flags and sets (the sets are shared). */
struct node *node_copy(struct heap *heap, const struct node *node, uint32_t version);

/* Puts a set of the heap in its place; `*old` is the one of that type that was there, or NULL. MIST_ENOMEM. */
int node_put(struct heap *heap, struct node *node, struct rrset *set, struct rrset **old);

/* One more record, RDATA checked and in canonical form. MIST_ERECORD: the set grows too large. */
int node_add(struct heap *heap, struct node *node, uint16_t type, uint32_t ttl, const uint8_t *rdata,
             uint16_t rdata_len);

/* Puts a copy of a set, without signatures. */
int node_put_copy(struct heap *heap, struct node *node, const struct rrset *set);

/* Takes the set of a type out; NULL if there is none. It stays the heap's. */
struct rrset *node_take(struct heap *heap, struct node *node, uint16_t type);

/* A set from malloc() becomes the heap's, and may move. */
struct rrset *node_set_adopt(struct heap *heap, struct rrset *set);

/* Frees a set of the heap; NULL is none. */
void node_set_free(struct heap *heap, struct rrset *set);

/* Frees a node, without and with its sets. */
void node_free(void *heap, void *node);
void node_free_all(void *heap, void *node);

struct trie_name node_name(const void *node);

#endif
