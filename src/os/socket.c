/* Sockets: TCP, non-blocking, watched level-triggered. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "os/os_private.h"

static_assert(sizeof(struct sockaddr_in6) <= sizeof(((struct os_address *)NULL)->bytes),
              "an address holds either family");

static void socket_ready(struct os_source *source, uint32_t events)
{
    struct os_socket *socket = CONTAINER_OF(source, struct os_socket, source);
    if (socket->closed || socket->ready == NULL) return; /* closed earlier in this turn */
    unsigned what = 0;
    if (events & (EPOLLIN | EPOLLRDHUP)) what |= OS_READABLE;
    if (events & EPOLLOUT) what |= OS_WRITABLE;
    if (events & (EPOLLERR | EPOLLHUP)) what |= OS_FAILED;
    what &= socket->want | OS_FAILED;
    if (what == 0) return;
    socket->os->callbacks++;
    socket->ready(socket->context, what);
}

static struct os_socket *socket_create(struct os *os, int fd)
{
    struct os_socket *socket = memory_alloc_zero(sizeof(*socket));
    socket->source = (struct os_source){fd, socket_ready};
    socket->os = os;
    return socket;
}

static int set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

int os_resolve(const char *host, uint16_t port, struct os_address *addresses, int max)
{
    char service[8];
    snprintf(service, sizeof(service), "%u", (unsigned)port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = host[0] == 0 ? AI_PASSIVE : 0};
    struct addrinfo *found;
    int r = getaddrinfo(host[0] == 0 ? NULL : host, service, &hints, &found);
    if (r == EAI_SYSTEM) return -errno;
    if (r != 0) return -EHOSTUNREACH;
    int count = 0;
    for (const struct addrinfo *a = found; a != NULL && count < max; a = a->ai_next) {
        if (a->ai_addrlen > sizeof(addresses[0].bytes)) continue;
        memset(&addresses[count], 0, sizeof(addresses[count]));
        memcpy(addresses[count].bytes, a->ai_addr, a->ai_addrlen);
        addresses[count++].size = a->ai_addrlen;
    }
    freeaddrinfo(found);
    return count;
}

static int address_family(const struct os_address *address)
{
    sa_family_t family;
    memcpy(&family, address->bytes + offsetof(struct sockaddr, sa_family), sizeof(family));
    return family;
}

static const struct sockaddr *as_sockaddr(const struct os_address *address)
{
    return (const struct sockaddr *)(const void *)address->bytes;
}

/* A copy: the other shards need it, too, and it stays open for the next start's sake. */
static int inherit(int descriptor, int backlog)
{
    int fd = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) return -errno;
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 && listen(fd, backlog) == 0)
        return fd;
    int error = errno;
    close(fd);
    return -error;
}

/* The descriptor of a socket that listens. */
static int listen_at(const struct os_address *address, const struct os_listen_options *options)
{
    if (options->inherited > 0) return inherit(options->inherited, options->backlog);
    int family = address_family(address);
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    int r = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (r == 0 && options->share_port) r = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    /* The wildcard of IPv6 takes IPv4 too, as Java's does. */
    if (r == 0 && family == AF_INET6) r = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    if (r == 0 && bind(fd, as_sockaddr(address), address->size) < 0) r = -errno;
    if (r == 0 && listen(fd, options->backlog) < 0) r = -errno;
    if (r == 0) return fd;
    close(fd);
    return r;
}

int os_listen(struct os *os, const struct os_address *address,
              const struct os_listen_options *options, struct os_socket **listening)
{
    int fd = listen_at(address, options);
    if (fd < 0) return fd;
    *listening = socket_create(os, fd);
    (*listening)->listening = true;
    return 0;
}

/* Out of descriptors: give up the reserved one, take the connection, close it, so that its peer
 * knows at once instead of waiting in the queue. */
static void refuse_one(struct os_socket *listener)
{
    struct os *os = listener->os;
    /* Without one, because another thread was quicker the last time, the peer waits. */
    if (os->reserve_fd >= 0) close(os->reserve_fd);
    int fd = accept4(listener->source.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) close(fd);
    os->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int os_accept(struct os_socket *listener, struct os_socket **accepted)
{
    ASSERT(listener->listening);
    int fd;
    do {
        fd = accept4(listener->source.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (fd < 0) {
        int error = errno;
        if (error == EMFILE || error == ENFILE) refuse_one(listener);
        return error == EWOULDBLOCK ? -EAGAIN : -error;
    }
    int r = set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (r == 0) r = set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    if (r < 0) {
        close(fd);
        return r;
    }
    *accepted = socket_create(listener->os, fd);
    return 0;
}

int os_connect(struct os *os, const struct os_address *address, struct os_socket **connecting)
{
    int fd = socket(address_family(address), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    int r = set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (r == 0 && connect(fd, as_sockaddr(address), address->size) < 0 && errno != EINPROGRESS)
        r = -errno;
    if (r < 0) {
        close(fd);
        return r;
    }
    *connecting = socket_create(os, fd);
    return 0;
}

/* False: the kernel has no memory for it now. */
static bool tell_epoll(struct os_socket *socket)
{
    struct epoll_event event = {.data.ptr = &socket->source};
    if (socket->want & OS_READABLE) event.events |= EPOLLIN;
    if (socket->want & OS_WRITABLE) event.events |= EPOLLOUT;
    int r = epoll_ctl(socket->os->epoll_fd, socket->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
                      socket->source.fd, &event);
    ASSERT(r == 0 || errno == ENOSPC || errno == ENOMEM);
    socket->registered = socket->registered || r == 0;
    return r == 0;
}

void os_socket_watch(struct os_socket *socket, unsigned want,
                     void (*ready)(void *context, unsigned what), void *context)
{
    ASSERT(!socket->closed);
    socket->ready = ready;
    socket->context = context;
    if (socket->registered && socket->want == want && !list_is_linked(&socket->deaf_link)) return;
    socket->want = want;
    if (tell_epoll(socket)) {
        if (list_is_linked(&socket->deaf_link)) list_remove(&socket->deaf_link);
    } else if (!list_is_linked(&socket->deaf_link)) {
        list_push_back(&socket->os->deaf, &socket->deaf_link);
    }
}

bool os_sockets_retry(struct os *os)
{
    struct list_link *link;
    while ((link = list_first(&os->deaf)) != NULL) {
        if (!tell_epoll(CONTAINER_OF(link, struct os_socket, deaf_link))) return true;
        list_remove(link);
    }
    return false;
}

int64_t os_socket_receive(struct os_socket *socket, void *bytes, size_t size)
{
    ssize_t n;
    do {
        n = recv(socket->source.fd, bytes, size, 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0) return errno == EWOULDBLOCK ? -EAGAIN : -errno;
    return n;
}

int64_t os_socket_send(struct os_socket *socket, const struct slice *slices, int count, bool more)
{
    ASSERT(count <= OS_VECTOR_MAX);
    /* sendmsg does not write to the vector it is given. */
    union {
        const struct slice *read;
        struct iovec *given;
    } pointer = {.read = slices};
    struct msghdr message = {.msg_iov = pointer.given, .msg_iovlen = (size_t)count};
    ssize_t n;
    do {
        n = sendmsg(socket->source.fd, &message, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
    } while (n < 0 && errno == EINTR);
    if (n < 0) return errno == EWOULDBLOCK ? -EAGAIN : -errno;
    return n;
}

int64_t os_socket_send_file(struct os_socket *socket, struct os_file *file, int64_t position,
                            size_t size)
{
    off_t from = position;
    ssize_t n;
    do {
        n = sendfile(socket->source.fd, os_file_fd(file), &from, size);
    } while (n < 0 && errno == EINTR);
    if (n < 0) return errno == EWOULDBLOCK ? -EAGAIN : -errno;
    return n;
}

static void name_end(int fd, bool peer, char text[OS_ADDRESS_TEXT_MAX], uint16_t *port)
{
    struct sockaddr_storage storage = {0};
    socklen_t size = sizeof(storage);
    struct sockaddr *address = (struct sockaddr *)&storage;
    int r = peer ? getpeername(fd, address, &size) : getsockname(fd, address, &size);
    text[0] = 0;
    *port = 0;
    if (r < 0) return; /* gone already: its address is, too */
    if (storage.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&storage;
        inet_ntop(AF_INET, &v4->sin_addr, text, OS_ADDRESS_TEXT_MAX);
        *port = ntohs(v4->sin_port);
        return;
    }
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&storage;
    /* An IPv4 peer of a dual-stack listener is shown as what it is. */
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], text, OS_ADDRESS_TEXT_MAX);
    else
        inet_ntop(AF_INET6, &v6->sin6_addr, text, OS_ADDRESS_TEXT_MAX);
    *port = ntohs(v6->sin6_port);
}

void os_socket_address(struct os_socket *socket, bool peer, char text[OS_ADDRESS_TEXT_MAX],
                       uint16_t *port)
{
    name_end(socket->source.fd, peer, text, port);
}

int os_guest_listen(const struct os_address *address, int backlog, uint16_t *port)
{
    struct os_listen_options options = {.backlog = backlog};
    int fd = listen_at(address, &options);
    if (fd < 0) return fd;
    char text[OS_ADDRESS_TEXT_MAX];
    name_end(fd, false, text, port);
    return fd;
}

struct os_socket *os_socket_close(struct os_socket *socket)
{
    if (socket == NULL) return NULL;
    ASSERT(!socket->closed);
    close(socket->source.fd); /* leaves epoll by itself */
    socket->closed = true;
    if (list_is_linked(&socket->deaf_link)) list_remove(&socket->deaf_link);
    socket->next_dead = socket->os->dead;
    socket->os->dead = socket;
    return NULL;
}

void os_sockets_bury(struct os *os)
{
    while (os->dead != NULL) {
        struct os_socket *next = os->dead->next_dead;
        memory_free(os->dead);
        os->dead = next;
    }
}
