/* Open files: opened when used, closed when the cap needs it and nobody pins them. */
#include "base/memory.h"
#include "log/log_private.h"

#include <errno.h>

struct log_files *log_files_create(struct os *os, int open_max)
{
    ASSERT(open_max > 0);
    struct log_files *files = memory_alloc_zero(sizeof(*files));
    files->os = os;
    files->open_max = open_max;
    list_init(&files->open);
    return files;
}

struct log_files *log_files_destroy(struct log_files *files)
{
    if (files == NULL) return NULL;
    ASSERT(files->alive == 0);
    ASSERT(files->pinned_count == 0);
    memory_free(files);
    return NULL;
}

struct log_file *log_file_create(struct log_files *files)
{
    struct log_file *file = memory_alloc_zero(sizeof(*file));
    file->files = files;
    files->alive++;
    return file;
}

static void close_now(struct log_file *file)
{
    list_remove(&file->link);
    file->files->open_count--;
    file->file = os_file_close(file->file);
}

void log_file_close(struct log_file *file)
{
    ASSERT(file->pins == 0);
    if (file->file != NULL) close_now(file);
}

void log_file_destroy(struct log_file *file)
{
    if (file == NULL) return;
    file->abandoned = true;
    if (file->pins > 0) return;
    if (file->file != NULL) close_now(file);
    file->files->alive--;
    memory_free(file);
}

/* Until at most `left` are open, or the others are needed. */
static void close_least_used(struct log_files *files, int left)
{
    struct list_link *link = list_first(&files->open);
    while (files->open_count > left && link != NULL) {
        struct log_file *file = CONTAINER_OF(link, struct log_file, link);
        link = list_next(&files->open, link);
        if (file->pins == 0) close_now(file);
    }
}

struct os_file *log_file_if_open(struct log_file *file)
{
    if (file->file == NULL) return NULL;
    list_remove(&file->link);
    list_push_back(&file->files->open, &file->link);
    return file->file;
}

int log_file_use(struct log_file *file, const char *path, enum os_open how, struct os_file **opened)
{
    struct log_files *files = file->files;
    ASSERT(!file->abandoned);
    if (file->file != NULL) {
        list_remove(&file->link);
        list_push_back(&files->open, &file->link);
    } else {
        close_least_used(files, files->open_max - 1);
        int r = os_file_open(files->os, path, how, &file->file);
        if (r == -EMFILE || r == -ENFILE) {
            /* The process has fewer descriptors than we hoped for. */
            close_least_used(files, files->open_count / 2);
            r = os_file_open(files->os, path, how, &file->file);
        }
        if (r < 0) return r;
        files->open_count++;
        list_push_back(&files->open, &file->link);
    }
    *opened = file->file;
    return 0;
}

int log_files_pinned(const struct log_files *files)
{
    return files->pinned_count;
}

void log_file_pin(struct log_file *file)
{
    ASSERT(file->file != NULL);
    if (file->pins == 0) file->files->pinned_count++;
    file->pins++;
}

void log_file_unpin(struct log_file *file)
{
    ASSERT(file->pins > 0);
    file->pins--;
    if (file->pins == 0) file->files->pinned_count--;
    if (file->pins == 0 && file->abandoned) log_file_destroy(file);
}

static void adopt(struct log_file *file, struct log_files *files)
{
    struct log_files *before = file->files;
    ASSERT(file->pins == 0 || file->file != NULL);
    before->alive--;
    files->alive++;
    file->files = files;
    if (file->pins > 0) {
        before->pinned_count--;
        files->pinned_count++;
    }
    if (file->file == NULL) return;
    list_remove(&file->link);
    before->open_count--;
    list_push_back(&files->open, &file->link);
    files->open_count++;
}

void log_adopt(struct log *log, struct log_files *files)
{
    for (int32_t i = 0; i < log->segment_count; i++) {
        adopt(log->segments[i]->log, files);
        adopt(log->segments[i]->index, files);
        adopt(log->segments[i]->time_index, files);
    }
    log->files = files;
    close_least_used(files, files->open_max);
}
