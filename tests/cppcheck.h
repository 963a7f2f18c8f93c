/* What macros of other people's headers mean, for cppcheck, which does not read those. */
#define json_array_foreach(array, index, value) for (index = 0; value = json_array_get(array, index); index++)
#define json_object_foreach(object, key, value) for (key = ""; value = json_object_get(object, key);)
#define LIST_HEAD(name, type) struct name { struct type *lh_first; }
#define LIST_ENTRY(type) struct { struct type *le_next; struct type **le_prev; }
#define LIST_FIRST(head) ((head)->lh_first)
#define LIST_EMPTY(head) (!(head)->lh_first)
#define LIST_NEXT(element, field) ((element)->field.le_next)
#define LIST_FOREACH(element, head, field) for (element = (head)->lh_first; element; element = element->field.le_next)
#define TAILQ_HEAD(name, type) struct name { struct type *tqh_first; struct type **tqh_last; }
#define TAILQ_ENTRY(type) struct { struct type *tqe_next; struct type **tqe_prev; }
#define TAILQ_FIRST(head) ((head)->tqh_first)
#define TAILQ_EMPTY(head) (!(head)->tqh_first)
#define TAILQ_FOREACH(element, head, field) for (element = (head)->tqh_first; element; element = element->field.tqe_next)
