/* Names: directories, renames, removals, and the space of the disk they are on. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "os/os_private.h"

int os_rename(struct os *os, const char *from, const char *to)
{
    (void)os;
    return rename(from, to) < 0 ? -errno : 0;
}

int os_remove(struct os *os, const char *path)
{
    (void)os;
    return remove(path) < 0 ? -errno : 0;
}

int os_dir_create(struct os *os, const char *path)
{
    (void)os;
    if (mkdir(path, 0755) == 0) return 0;
    if (errno != EEXIST) return -errno;
    struct stat status;
    if (stat(path, &status) < 0) return -errno;
    return S_ISDIR(status.st_mode) ? 0 : -ENOTDIR;
}

int os_dir_sync(struct os *os, const char *path)
{
    (void)os;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -errno;
    int r = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return r;
}

static bool is_directory(DIR *directory, const struct dirent *entry)
{
    if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK) return entry->d_type == DT_DIR;
    struct stat status;
    return fstatat(dirfd(directory), entry->d_name, &status, 0) == 0 && S_ISDIR(status.st_mode);
}

int os_dir_list(struct os *os, const char *path,
                int (*entry)(void *context, const char *name, bool is_dir), void *context)
{
    (void)os;
    DIR *directory = opendir(path);
    if (directory == NULL) return -errno;
    int r = 0;
    while (r == 0) {
        errno = 0;
        const struct dirent *found = readdir(directory);
        if (found == NULL) {
            r = -errno;
            break;
        }
        if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0) continue;
        r = entry(context, found->d_name, is_directory(directory, found));
    }
    closedir(directory);
    return r;
}

/* "//a///b/" is "/a/b". */
static void drop_needless_slashes(char *path)
{
    char *to = path;
    for (const char *from = path; *from != 0; from++)
        if (*from != '/' || to == path || to[-1] != '/') *to++ = *from;
    if (to - path > 1 && to[-1] == '/') to--;
    *to = 0;
}

int os_absolute_path(struct os *os, const char *path, char absolute[OS_PATH_MAX])
{
    (void)os;
    char here[OS_PATH_MAX] = "";
    bool relative = path[0] != '/';
    if (relative && getcwd(here, sizeof(here)) == NULL) return -errno;
    int size = snprintf(absolute, OS_PATH_MAX, "%s%s%s", here, relative ? "/" : "", path);
    if (size >= OS_PATH_MAX) return -ENAMETOOLONG;
    drop_needless_slashes(absolute);
    ASSERT(absolute[0] == '/');
    return 0;
}

int os_disk_space(struct os *os, const char *path, int64_t *free_bytes, int64_t *total_bytes)
{
    (void)os;
    struct statvfs status;
    if (statvfs(path, &status) < 0) return -errno;
    *free_bytes = (int64_t)(status.f_bavail * status.f_frsize);
    *total_bytes = (int64_t)(status.f_blocks * status.f_frsize);
    return 0;
}
