/*
 * A client of libcurl whose names are resolved by mist and by nothing else: no resolv.conf, no search list, no
 * /etc/hosts. If mist does not give an address, nothing is sent.
 *
 *   MIST_DNS=127.0.0.1:5380 ./fetch http://web.editor.land/
 */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <mistcore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ADDRESSES_MAX = 8 };

/* "+web.editor.land:443:127.0.0.1,[::1]", as CURLOPT_RESOLVE wants it. */
static int resolve(const char *host, const char *port, char *entry, size_t size)
{
	const char *dns = getenv("MIST_DNS"), *colon = dns ? strrchr(dns, ':') : NULL;
	struct mist_resolver_options options = { .size = sizeof options,
	                                         .port = (uint16_t)(colon ? atoi(colon + 1) : 0) };
	struct mist_address addresses[ADDRESSES_MAX];
	struct mist_resolver *resolver;
	size_t count = ADDRESSES_MAX, len;
	int error = mist_resolver_open(&resolver, &options);
	if (error)
		return error;
	error = mist_resolver_addresses(resolver, host, addresses, &count);
	mist_resolver_close(resolver);
	len = (size_t)snprintf(entry, size, "+%s:%s:", host, port);
	for (size_t i = 0; i < count && i < ADDRESSES_MAX && !error; i++) {
		char text[INET6_ADDRSTRLEN];
		int family = addresses[i].family == 4 ? AF_INET : AF_INET6;
		inet_ntop(family, addresses[i].octets, text, sizeof text);
		len += (size_t)snprintf(entry + len, size - len, family == AF_INET ? "%s%s" : "%s[%s]", i ? "," : "", text);
	}
	return error;
}

static int fetch(const char *url, const char *entry)
{
	CURL *curl = curl_easy_init();
	struct curl_slist *names = curl_slist_append(NULL, entry);
	CURLcode result = CURLE_OUT_OF_MEMORY;
	if (curl && names) {
		curl_easy_setopt(curl, CURLOPT_URL, url);
		curl_easy_setopt(curl, CURLOPT_RESOLVE, names);
		curl_easy_setopt(curl, CURLOPT_PROXY, "");         /* a proxy would resolve by itself */
		curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);/* and a redirect names another host */
		curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
		result = curl_easy_perform(curl);
	}
	curl_slist_free_all(names);
	curl_easy_cleanup(curl);
	if (result)
		fprintf(stderr, "fetch: %s\n", curl_easy_strerror(result));
	return result ? 1 : 0;
}

int main(int count, char **arguments)
{
	CURLU *url = curl_url();
	char *host = NULL, *port = NULL, entry[1024];
	int code = 1, error = MIST_EINVAL;
	if (count == 2 && url && !curl_url_set(url, CURLUPART_URL, arguments[1], 0) &&
	    !curl_url_get(url, CURLUPART_HOST, &host, 0) && !curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT))
		error = resolve(host, port, entry, sizeof entry);
	if (error)
		fprintf(stderr, "fetch: %s: %s\n", host ? host : "a URL, please", mist_strerror(error));
	else
		code = fetch(arguments[1], entry);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(url);
	return code;
}
