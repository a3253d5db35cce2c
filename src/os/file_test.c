#include "os/os.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    struct os *os;
    char directory[64];
    char path[128];
};

static int setup(void **state)
{
    static struct fixture f;
    struct os_options options = {.workers_max = 1};
    memcpy(f.directory, "/tmp/gregor-os-XXXXXX", 22);
    if (os_create(&options, &f.os) < 0 || mkdtemp(f.directory) == NULL) return -1;
    snprintf(f.path, sizeof(f.path), "%s/file", f.directory);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    int r = os_remove(f->os, f->path);
    if (r == -ENOENT) r = 0;
    if (r == 0) r = os_remove(f->os, f->directory);
    os_destroy(f->os);
    return r;
}

static struct os_file *open_file(struct fixture *f, enum os_open how, int expected)
{
    struct os_file *file = NULL;
    assert_int_equal(os_file_open(f->os, f->path, how, &file), expected);
    return file;
}

static void ways_to_open(void **state)
{
    struct fixture *f = *state;
    open_file(f, OS_OPEN_READ, -ENOENT);
    open_file(f, OS_OPEN_WRITE, -ENOENT);
    struct os_file *file = open_file(f, OS_OPEN_EXCLUSIVE, 0);
    open_file(f, OS_OPEN_EXCLUSIVE, -EEXIST);
    struct slice bytes = SLICE("12345");
    assert_int_equal(os_file_write(file, &bytes, 1, 0), 0);
    os_file_close(file);
    int64_t size;
    file = open_file(f, OS_OPEN_CREATE, 0);
    assert_int_equal(os_file_size(file, &size), 0);
    assert_int_equal(size, 5);
    os_file_close(file);
    file = open_file(f, OS_OPEN_REPLACE, 0);
    assert_int_equal(os_file_size(file, &size), 0);
    assert_int_equal(size, 0);
    assert_null(os_file_close(file));
    assert_null(os_file_close(NULL));
}

static void gathered_writes(void **state)
{
    struct fixture *f = *state;
    enum { COUNT = 300 };
    struct os_file *file = open_file(f, OS_OPEN_CREATE, 0);
    struct slice slices[COUNT];
    for (int i = 0; i < COUNT; i++)
        slices[i] = i % 2 == 0 ? SLICE("even") : SLICE("odd");
    assert_int_equal(os_file_write(file, slices, COUNT, 10), 0);
    char bytes[2000] = {0};
    assert_int_equal(os_file_read(file, bytes, sizeof(bytes), 0), 10 + 150 * 7);
    assert_memory_equal(bytes + 10, "evenoddeven", 11);
    assert_int_equal(os_file_read(file, bytes, 4, 10 + 150 * 7 - 3), 3); /* fewer at the end */
    assert_int_equal(os_file_read(file, bytes, 4, 5000), 0);
    assert_true(os_file_is_cached(file, 10, 1000));
    assert_int_equal(os_file_read_cached(file, bytes, 11, 10), 11);
    assert_int_equal(os_file_sync(file), 0);
    os_file_close(file);
}

/* Empty slices stand anywhere; a write in the middle leaves the rest. */
static void writes_in_the_middle(void **state)
{
    struct fixture *f = *state;
    struct os_file *file = open_file(f, OS_OPEN_CREATE, 0);
    const struct slice first[] = {SLICE(""), SLICE("01234"), SLICE(""), SLICE("56789"), SLICE("")};
    const struct slice second[] = {SLICE("ab"), SLICE("c")};
    char bytes[16];
    assert_int_equal(os_file_write(file, first, 5, 0), 0);
    assert_int_equal(os_file_write(file, second, 2, 4), 0);
    assert_int_equal(os_file_write(file, NULL, 0, 100), 0);
    assert_int_equal(os_file_read(file, bytes, sizeof(bytes), 0), 10);
    assert_memory_equal(bytes, "0123abc789", 10);
    assert_int_equal(os_file_truncate(file, 3), 0);
    assert_int_equal(os_file_read(file, bytes, sizeof(bytes), 0), 3);
    os_file_close(file);
    file = open_file(f, OS_OPEN_READ, 0);
    assert_int_equal(os_file_write(file, second, 1, 0), -EBADF);
    os_file_close(file);
}

static void room_is_no_size(void **state)
{
    struct fixture *f = *state;
    struct os_file *file = open_file(f, OS_OPEN_CREATE, 0);
    int64_t size;
    assert_int_equal(os_file_reserve(file, 0, 1 << 20), 0);
    assert_int_equal(os_file_size(file, &size), 0);
    assert_int_equal(size, 0);
    assert_int_equal(os_file_reserve(file, 0, 1LL << 60) < 0, 1); /* more than any disk */
    assert_int_equal(os_file_truncate(file, 4096), 0);
    assert_int_equal(os_file_size(file, &size), 0);
    assert_int_equal(size, 4096);
    os_file_close(file);
}

static void a_limit_of_the_process_is_a_full_disk(void **state)
{
    struct fixture *f = *state;
    struct os_file *file = open_file(f, OS_OPEN_CREATE, 0);
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    struct rlimit low = {4096, limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    int fits = os_file_reserve(file, 0, 4096);
    int too_much = os_file_reserve(file, 4000, 97);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(fits, 0);
    assert_int_equal(too_much, -ENOSPC);
    os_file_close(file);
}

static void one_lock(void **state)
{
    struct fixture *f = *state;
    struct os_file *first = open_file(f, OS_OPEN_CREATE, 0);
    struct os_file *second = open_file(f, OS_OPEN_CREATE, 0);
    assert_int_equal(os_file_lock(first), 0);
    assert_int_equal(os_file_lock(second), -EWOULDBLOCK);
    os_file_close(first);
    assert_int_equal(os_file_lock(second), 0);
    os_file_close(second);
}

static int count_entry(void *context, const char *name, bool is_dir)
{
    int *counts = context;
    assert_true(strcmp(name, ".") != 0);
    counts[is_dir ? 1 : 0]++;
    return 0;
}

static int stop_at_once(void *context, const char *name, bool is_dir)
{
    (void)name;
    (void)is_dir;
    ++*(int *)context;
    return -ECANCELED;
}

static void directories(void **state)
{
    struct fixture *f = *state;
    char sub[160], moved[160];
    snprintf(sub, sizeof(sub), "%s/sub", f->directory);
    snprintf(moved, sizeof(moved), "%s/moved", f->directory);
    assert_int_equal(os_dir_create(f->os, sub), 0);
    assert_int_equal(os_dir_create(f->os, sub), 0); /* it may be there */
    os_file_close(open_file(f, OS_OPEN_CREATE, 0));
    int counts[2] = {0, 0}, stopped = 0;
    assert_int_equal(os_dir_list(f->os, f->directory, count_entry, counts), 0);
    assert_int_equal(counts[0], 1);
    assert_int_equal(counts[1], 1);
    assert_int_equal(os_dir_list(f->os, f->directory, stop_at_once, &stopped), -ECANCELED);
    assert_int_equal(stopped, 1);
    assert_int_equal(os_rename(f->os, sub, moved), 0);
    assert_int_equal(os_dir_sync(f->os, f->directory), 0);
    assert_int_equal(os_remove(f->os, sub), -ENOENT);
    assert_int_equal(os_remove(f->os, moved), 0);
    char absolute[OS_PATH_MAX], here[OS_PATH_MAX];
    assert_int_equal(os_absolute_path(f->os, f->directory, absolute), 0);
    assert_string_equal(absolute, f->directory);
    assert_int_equal(os_absolute_path(f->os, "absent", absolute), 0);
    assert_non_null(getcwd(here, sizeof(here)));
    size_t parent = strlen(here);
    assert_memory_equal(absolute, here, parent);
    assert_string_equal(absolute + parent, "/absent");
    assert_int_equal(os_absolute_path(f->os, "//a///./b//", absolute), 0);
    assert_string_equal(absolute, "/a/./b");
    assert_int_equal(os_absolute_path(f->os, "/", absolute), 0);
    assert_string_equal(absolute, "/");
    char long_path[OS_PATH_MAX + 1];
    memset(long_path, 'x', OS_PATH_MAX);
    long_path[OS_PATH_MAX] = 0;
    assert_int_equal(os_absolute_path(f->os, long_path, absolute), -ENAMETOOLONG);
    int64_t free_bytes, total_bytes;
    assert_int_equal(os_disk_space(f->os, f->directory, &free_bytes, &total_bytes), 0);
    assert_true(free_bytes > 0 && free_bytes <= total_bytes);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(ways_to_open),
        TEST(gathered_writes),
        TEST(writes_in_the_middle),
        TEST(room_is_no_size),
        TEST(a_limit_of_the_process_is_a_full_disk),
        TEST(one_lock),
        TEST(directories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
