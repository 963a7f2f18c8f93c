// launcher.c in C++: what was made is given back by whoever holds it.
//
//   ./launcher-cc COMMAND [ARGUMENT...]     the command finds the server in $MIST_DNS
#include <mistcore.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>

#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

namespace {

void check(int error)
{
	if (error)
		throw std::runtime_error(mist_strerror(error));
}

struct Stop {
	void operator()(mist_server *server) const { mist_stop(server); }
};
using Server = std::unique_ptr<mist_server, Stop>;

struct Free {
	void operator()(mist_content *content) const { mist_content_free(content); }
};
using Content = std::unique_ptr<mist_content, Free>;

Server start()
{
	mist_content *made = nullptr;
	check(mist_content_new(&made, nullptr));
	Content content(made);

	mist_zone_options zone = {};
	zone.size = sizeof zone;
	zone.name = "box.test";
	zone.registry = true;
	zone.ephemeral_key = true;
	check(mist_content_zone(content.get(), &zone, nullptr));

	mist_server *server = nullptr;
	check(mist_start(&server, nullptr, content.release())); // takes the content, also when it fails
	return Server(server);
}

void register_web(const Server &server)
{
	const char *address = "127.0.0.7";
	mist_registration web = {};
	web.size = sizeof web;
	web.name = "web";
	web.owner = "launcher";
	web.addresses = &address;
	web.address_count = 1;
	check(mist_register(server.get(), &web)); // the next query sees it
}

int run(char **command, unsigned port)
{
	const std::string where = "127.0.0.1:" + std::to_string(port);
	pid_t child;
	int status;
	if (setenv("MIST_DNS", where.c_str(), 1) ||
	    posix_spawnp(&child, command[0], nullptr, nullptr, command, environ) || waitpid(child, &status, 0) != child)
		throw std::runtime_error(std::string("cannot run ") + command[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

} // namespace

int main(int count, char **arguments)
try {
	if (count < 2)
		throw std::runtime_error("which command?");
	Server server = start();
	register_web(server);
	return run(arguments + 1, mist_port(server.get()));
} catch (const std::exception &problem) {
	std::cerr << "launcher: " << problem.what() << '\n';
	return 1;
}
