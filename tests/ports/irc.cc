/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A small IRC server for the tests and benches of ports/znc, which needs one to talk to: nicks, channels, messages. What a client does
 * wrong is thrown. Usage: irc ADDRESS PORT
 */
#include <arpa/inet.h>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace {

struct Refusal {
	const char *number;
	std::string text;
};
struct Gone {};

struct Client {
	int socket;
	std::string in, out, nick = "*", user;
	bool waits = false;     /* for room to send */
	std::string prefix() const { return ":" + nick + "!" + user + "@host "; }
};

int events;
std::map<int, std::unique_ptr<Client>> clients;
std::map<std::string, Client *> nicks;
std::map<std::string, std::set<Client *>> channels;

void must(int result, const char *what)
{
	if (result < 0)
		throw std::system_error(errno, std::generic_category(), what);
}

void watch(Client &client, bool waits)
{
	epoll_event event = {};

	if (client.waits == waits)
		return;
	client.waits = waits;
	event.events = waits ? EPOLLIN | EPOLLOUT : EPOLLIN;
	event.data.fd = client.socket;
	must(epoll_ctl(events, EPOLL_CTL_MOD, client.socket, &event), "epoll_ctl");
}

void flush(Client &client)
{
	while (!client.out.empty()) {
		ssize_t sent = send(client.socket, client.out.data(), client.out.size(), MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN) {
			client.out.clear();     /* read() will tell */
			break;
		}
		if (sent < 0)
			break;
		client.out.erase(0, sent);
	}
	watch(client, !client.out.empty());
}

void tell(Client &client, const std::string &line)
{
	client.out += line;
	client.out += "\r\n";
}

void number(Client &client, const char *code, const std::string &text)
{
	tell(client, ":irc.test " + std::string(code) + " " + client.nick + " " + text);
}

/* Everyone who shares a channel with it, once, itself too. */
void tell_all(Client &client, const std::string &line)
{
	std::set<Client *> who = {&client};

	for (auto &channel : channels)
		if (channel.second.count(&client))
			who.insert(channel.second.begin(), channel.second.end());
	for (Client *one : who)
		tell(*one, line);
}

std::set<Client *> &joined(Client &client, const std::string &name)
{
	auto channel = channels.find(name);

	if (channel == channels.end())
		throw Refusal{"403", name + " :No such channel"};
	if (!channel->second.count(&client))
		throw Refusal{"442", name + " :You're not on that channel"};
	return channel->second;
}

/* In the order of their nicks. */
std::map<std::string, Client *> members(Client &client, const std::string &name)
{
	std::map<std::string, Client *> sorted;

	for (Client *one : joined(client, name))
		sorted[one->nick] = one;
	return sorted;
}

void names(Client &client, const std::string &name)
{
	std::string list;

	for (auto &one : members(client, name))
		list += (list.empty() ? "" : " ") + one.first;
	number(client, "353", "= " + name + " :" + list);
	number(client, "366", name + " :End of /NAMES list");
}

void leave(Client &client, const std::string &name)
{
	auto channel = channels.find(name);

	channel->second.erase(&client);
	if (channel->second.empty())
		channels.erase(channel);
}

void command(Client &client, const std::vector<std::string> &words)
{
	const std::string &name = words[0];
	auto word = [&](size_t n) -> const std::string & {
		if (n >= words.size())
			throw Refusal{"461", name + " :Not enough parameters"};
		return words[n];
	};

	if (name == "CAP" || name == "PASS" || name == "PONG")
		return;
	if (name == "QUIT")
		throw Gone();
	if (name == "PING") {
		tell(client, ":irc.test PONG irc.test :" + word(1));
	} else if (name == "NICK" || name == "USER") {
		bool before = client.nick != "*" && !client.user.empty();
		if (name == "USER") {
			client.user = word(4).empty() ? "nobody" : word(1);
		} else {
			if (nicks.count(word(1)))
				throw Refusal{"433", words[1] + " :Nickname is already in use"};
			if (before)
				tell_all(client, client.prefix() + "NICK :" + words[1]);
			nicks.erase(client.nick);
			nicks[words[1]] = &client;
			client.nick = words[1];
		}
		if (!before && client.nick != "*" && !client.user.empty()) {
			number(client, "001", ":Welcome " + client.nick);
			number(client, "005", "CHANTYPES=# NETWORK=test NICKLEN=30 :are supported by this server");
			number(client, "422", ":No MOTD");
		}
	} else if (client.nick == "*" || client.user.empty()) {
		throw Refusal{"451", ":You have not registered"};
	} else if (name == "JOIN") {
		if (word(1)[0] != '#')
			throw Refusal{"403", words[1] + " :No such channel"};
		channels[words[1]].insert(&client);
		for (Client *one : channels[words[1]])
			tell(*one, client.prefix() + "JOIN " + words[1]);
		names(client, words[1]);
	} else if (name == "PART") {
		for (Client *one : joined(client, word(1)))
			tell(*one, client.prefix() + "PART " + words[1]);
		leave(client, words[1]);
	} else if (name == "PRIVMSG" || name == "NOTICE") {
		const std::string line = client.prefix() + name + " " + word(1) + " :" + word(2);
		if (words[1][0] == '#') {
			for (Client *one : joined(client, words[1]))
				if (one != &client)
					tell(*one, line);
		} else {
			auto to = nicks.find(words[1]);
			if (to == nicks.end())
				throw Refusal{"401", words[1] + " :No such nick/channel"};
			tell(*to->second, line);
		}
	} else if (name == "NAMES") {
		names(client, word(1));
	} else if (name == "MODE") {
		number(client, word(1)[0] == '#' ? "324" : "221", (words[1][0] == '#' ? words[1] + " " : "") + "+n");
	} else if (name == "WHO") {
		for (auto &one : members(client, word(1)))
			number(client, "352", words[1] + " " + one.second->user + " host irc.test " + one.first + " H :0 test");
		number(client, "315", words[1] + " :End of WHO list");
	} else {
		throw Refusal{"421", name + " :Unknown command"};
	}
}

void line(Client &client, const std::string &text)
{
	std::vector<std::string> words;

	for (size_t at = 0; at < text.size();) {
		if (text[at] == ' ') {
			at++;
			continue;
		}
		if (text[at] == ':' && !words.empty()) {
			words.push_back(text.substr(at + 1));
			break;
		}
		size_t end = text.find(' ', at);
		words.push_back(text.substr(at, end - at));
		at = end == std::string::npos ? text.size() : end;
	}
	if (words.empty())
		return;
	for (char &c : words[0])
		c = toupper(c);
	try {
		command(client, words);
	} catch (const Refusal &refusal) {
		number(client, refusal.number, refusal.text);
	}
}

void receive(Client &client)
{
	char data[65536];
	size_t end;
	ssize_t got = read(client.socket, data, sizeof data);

	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0)
		throw Gone();
	client.in.append(data, got);
	size_t at = 0;
	for (; (end = client.in.find('\n', at)) != std::string::npos; at = end + 1)
		line(client, client.in.substr(at, end - at - (end > at && client.in[end - 1] == '\r')));
	client.in.erase(0, at);
}

void end(int socket)
{
	Client &client = *clients.at(socket);

	flush(client);
	if (nicks.count(client.nick)) {
		tell_all(client, client.prefix() + "QUIT :gone");
		nicks.erase(client.nick);
	}
	for (auto channel = channels.begin(); channel != channels.end();) {
		auto next = std::next(channel);
		if (channel->second.count(&client))
			leave(client, channel->first);
		channel = next;
	}
	close(socket);
	clients.erase(socket);
}

} // namespace

int main(int argc, char **argv)
try {
	sockaddr_in address = {};
	epoll_event event = {}, got[256];
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	if (argc != 3)
		throw std::invalid_argument("Usage: irc ADDRESS PORT");
	address.sin_family = AF_INET;
	address.sin_port = htons(std::stoi(argv[2]));
	inet_pton(AF_INET, argv[1], &address.sin_addr);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	must(bind(listener, reinterpret_cast<sockaddr *>(&address), sizeof address), "bind");
	must(listen(listener, 511), "listen");
	must(events = epoll_create1(0), "epoll_create1");
	event.events = EPOLLIN;
	event.data.fd = listener;
	must(epoll_ctl(events, EPOLL_CTL_ADD, listener, &event), "epoll_ctl");
	signal(SIGTERM, [](int) { _exit(0); });
	for (;;) {
		int count = epoll_wait(events, got, 256, -1);
		if (count < 0 && errno == EINTR)
			continue;
		must(count, "epoll_wait");
		for (int i = 0; i < count; i++) {
			int fd = got[i].data.fd;
			if (fd == listener) {
				int socket = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
				if (socket < 0)
					continue;
				clients[socket] = std::make_unique<Client>();
				clients[socket]->socket = socket;
				event.data.fd = socket;
				must(epoll_ctl(events, EPOLL_CTL_ADD, socket, &event), "epoll_ctl");
				continue;
			}
			try {
				receive(*clients.at(fd));
			} catch (const Gone &) {
				end(fd);
			}
		}
		for (auto &client : clients)
			if (!client.second->out.empty())
				flush(*client.second);
	}
} catch (const std::exception &error) {
	std::cerr << "irc: " << error.what() << "\n";
	return 1;
}
