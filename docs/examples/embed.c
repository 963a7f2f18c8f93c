#include <mistcore.h>
#include <stdio.h>

int main(void)
{
	struct mist_content *content;
	struct mist_server *server;
	struct mist_zone_options zone = { .size = sizeof zone, .name = "editor.land", .ephemeral_key = true };

	if (mist_content_new(&content, NULL) || mist_content_zone(content, &zone, NULL) ||
	    mist_start(&server, NULL, content))
		return 1;
	printf("dig @127.0.0.1 -p %u anything.editor.land\n", mist_port(server));
	return mist_stop(server);
}
