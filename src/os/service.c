/* The service manager: systemd's journal and notifications, without its library. (sd_notify(3)) */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "os/os_private.h"

enum { NS_A_US = 1000 };

bool os_is_journal(int descriptor)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat status;
    char own[64];
    if (stream == NULL || fstat(descriptor, &status) < 0) return false;
    snprintf(own, sizeof(own), "%llu:%llu", (unsigned long long)status.st_dev,
             (unsigned long long)status.st_ino);
    return strcmp(stream, own) == 0;
}

/* A path, or with '@' a name that is in no folder. */
static int notify_address(const char *name, struct sockaddr_un *address, socklen_t *size)
{
    size_t length = strlen(name);
    if ((name[0] != '/' && name[0] != '@') || length < 2) return -EINVAL;
    if (length >= sizeof(address->sun_path)) return -ENAMETOOLONG;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, name, length);
    if (name[0] == '@') address->sun_path[0] = 0;
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    return 0;
}

int os_notify(const char *state)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;
    socklen_t size;
    if (name == NULL) return 0;
    int r = notify_address(name, &address, &size);
    if (r < 0) return r;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -errno;
    if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, size) < 0)
        r = -errno;
    close(fd);
    return r;
}

int64_t os_watchdog_ns(void)
{
    const char *interval = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    int64_t microseconds, meant;
    if (interval == NULL ||
        slice_parse_int64(slice_of(interval), 1, INT64_MAX / NS_A_US, &microseconds) < 0)
        return 0;
    if (pid != NULL &&
        (slice_parse_int64(slice_of(pid), 1, INT32_MAX, &meant) < 0 || meant != getpid()))
        return 0; /* a child's of another service */
    return microseconds * NS_A_US;
}

/* --- sockets that are handed over ------------------------------------------------------------- */

enum { INHERITED_FIRST = 3 }; /* SD_LISTEN_FDS_START */

/* How many there are for this process. */
static int inherited_count(void)
{
    const char *count = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
    int64_t number, meant;
    if (count == NULL || pid == NULL) return 0;
    if (slice_parse_int64(slice_of(pid), 1, INT32_MAX, &meant) < 0 || meant != getpid()) return 0;
    return slice_parse_int64(slice_of(count), 0, 1024, &number) < 0 ? 0 : (int)number;
}

static bool can_be_connected_to(int descriptor)
{
    int listens = 0, family = 0;
    socklen_t size = sizeof(listens);
    if (getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0) return false;
    if (getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &family, &size) < 0) return false;
    return listens != 0 && (family == AF_INET || family == AF_INET6);
}

int os_inherited(struct slice name)
{
    const char *names = getenv("LISTEN_FDNAMES");
    int count = inherited_count();
    for (int i = 0; i < count && names != NULL && name.size > 0; i++) {
        size_t size = strcspn(names, ":");
        int descriptor = INHERITED_FIRST + i;
        if (size == name.size && strncasecmp(names, (const char *)name.data, size) == 0)
            return can_be_connected_to(descriptor) ? descriptor : -EINVAL;
        names = names[size] == 0 ? NULL : names + size + 1;
    }
    return -ENOENT;
}
