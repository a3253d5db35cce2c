/* log dump: what the files of a data folder hold, and whether they are sound. It takes no lock and
 * writes nothing: a running broker's files may be looked at, half written at their ends.
 * log verify: the same walk, and only what is wrong is said. It wants the folder for itself: what
 * is half written would be told as damage. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "cli/internal_record.h"
#include "cli/record_format.h"
#include "log/folder.h"
#include "log/text.h"
#include "os/os.h"
#include "wire/codec.h"
#include "wire/messages.h"

enum {
    ARENA_BYTES_MAX = 1 << 30,
    BATCH_RECORDS_BYTES_MAX = 256 << 20, /* decompressed */
    LINE_BYTES_MAX = 1 << 30,
    SMALL_FILE_BYTES_MAX = 64 << 20,
    OFFSET_ENTRY_BYTES = 8,   /* relative offset i32, position i32 */
    TIME_ENTRY_BYTES = 12,    /* timestamp i64, relative offset i32 */
    ABORTED_ENTRY_BYTES = 34, /* version i16, producer id, first, last, last stable offset i64 */
    SNAPSHOT_VERSION = 1,
    SNAPSHOT_CRC_END = 6, /* version i16, crc u32 */
    BASE_OFFSET_DIGITS = 20,
};

struct dump {
    struct os *os;
    struct os_file *file;
    const char *path;
    int64_t size;
    struct arena arena; /* of one batch, or one small file */
    struct writer line;
    int64_t next_offset; /* behind what the folder's segments held so far; -1: none yet */
    int64_t file_count, batch_count, record_count;
    bool records;
    bool quiet; /* faults only */
    bool faulty;
};

static void fault(struct dump *dump, const char *format, ...) PRINTF_LIKE(2, 3);

static void fault(struct dump *dump, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "gregor: %s: ", dump->path);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    dump->faulty = true;
}

static void say(struct dump *dump, const char *format, ...) PRINTF_LIKE(2, 3);

static void say(struct dump *dump, const char *format, ...)
{
    va_list arguments;
    if (dump->quiet) return;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text);
    return size >= strlen(end) && strcmp(text + size - strlen(end), end) == 0;
}

static void print_line(struct dump *dump)
{
    say(dump, "%.*s\n", SLICE_ARG(writer_slice(&dump->line)));
    writer_reset(&dump->line);
}

/* --- batches and records ---------------------------------------------------------------------- */

/* Quoted; what is no printable ASCII is escaped. */
static void put_quoted(struct writer *out, struct slice bytes)
{
    if (slice_is_null(bytes)) {
        writer_printf(out, "null");
        return;
    }
    writer_put_u8(out, '"');
    for (size_t i = 0; i < bytes.size; i++) {
        uint8_t byte = bytes.data[i];
        if (byte == '"' || byte == '\\')
            writer_printf(out, "\\%c", byte);
        else if (byte < ' ' || byte > '~')
            writer_printf(out, "\\x%02x", byte);
        else
            writer_put_u8(out, byte);
    }
    writer_put_u8(out, '"');
}

static void put_plain_record(struct writer *out, const struct record *record)
{
    writer_printf(out, "key=");
    put_quoted(out, record->key);
    writer_printf(out, " value=");
    put_quoted(out, record->value);
    struct slice rest = record->headers;
    for (int32_t i = 0; i < record->header_count; i++) {
        struct slice key, value;
        if (record_header_take(&rest, &key, &value) < 0) return;
        writer_printf(out, " header ");
        put_quoted(out, key);
        writer_put_u8(out, '=');
        put_quoted(out, value);
    }
}

static void print_record(struct dump *dump, enum internal_topic topic, const struct batch *batch,
                         const struct record *record)
{
    bool is_control = (batch->attributes & BATCH_CONTROL) != 0;
    writer_printf(&dump->line, "  record offset=%lld time=", (long long)record->offset);
    record_print_time(record->timestamp, &dump->line);
    writer_put_u8(&dump->line, ' ');
    int r = internal_record_print(topic, is_control, record, &dump->arena, &dump->line);
    if (r == -EBADMSG)
        fault(dump, "the record at offset %lld does not decode", (long long)record->offset);
    if (r < 0) put_plain_record(&dump->line, record);
    print_line(dump);
}

static void print_records(struct dump *dump, enum internal_topic topic, const struct batch *batch)
{
    struct record_walk walk;
    struct record record;
    int r = record_walk_start(&walk, batch, &dump->arena, BATCH_RECORDS_BYTES_MAX);
    while (r >= 0 && (r = record_walk_next(&walk, &record)) > 0) {
        if (dump->records) print_record(dump, topic, batch, &record);
    }
    if (r < 0)
        fault(dump, "the records of the batch at offset %lld do not decode",
              (long long)batch->base_offset);
}

static void print_batch(struct dump *dump, int64_t position, const struct batch *batch, bool crc)
{
    struct writer *line = &dump->line;
    enum compress_codec codec = batch_codec(batch);
    writer_printf(
        line, "batch position=%lld offsets=%lld..%lld count=%d epoch=%d time=", (long long)position,
        (long long)batch->base_offset, (long long)batch_last_offset(batch), (int)batch->count,
        (int)batch->partition_leader_epoch);
    record_print_time(batch->max_timestamp, line);
    writer_printf(line, " size=%zu codec=%s crc=%s", batch->bytes.size,
                  codec <= COMPRESS_ZSTD ? compress_name(codec) : "unknown", crc ? "ok" : "WRONG");
    if (batch->producer_id >= 0)
        writer_printf(line, " producer=%lld/%d sequence=%d..%d", (long long)batch->producer_id,
                      (int)batch->producer_epoch, (int)batch->base_sequence,
                      (int)batch_last_sequence(batch));
    if (batch->attributes & BATCH_LOG_APPEND_TIME) writer_printf(line, " log-append-time");
    if (batch->attributes & BATCH_TRANSACTIONAL) writer_printf(line, " transactional");
    if (batch->attributes & BATCH_CONTROL) writer_printf(line, " control");
    print_line(dump);
}

static bool is_zero(struct slice bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        if (bytes.data[i] != 0) return false;
    }
    return true;
}

/* Reads the whole batch at `position`. False: there is none, and it has been said why. */
static bool read_batch(struct dump *dump, int64_t position, struct batch *batch)
{
    uint8_t header[BATCH_HEADER_SIZE];
    int64_t left = dump->size - position;
    int64_t got = os_file_read(dump->file, header, sizeof(header), position);
    size_t size;
    if (got < 0) {
        fault(dump, "%s", strerror((int)-got));
        return false;
    }
    if (is_zero((struct slice){header, (size_t)got})) {
        say(dump, "unused position=%lld size=%lld\n", (long long)position, (long long)left);
        return false;
    }
    if (got < BATCH_HEADER_SIZE) {
        fault(dump, "position %lld: the file ends within a batch", (long long)position);
        return false;
    }
    if (batch_peek((struct slice){header, sizeof(header)}, batch, &size) < 0) {
        fault(dump, "position %lld: no batch", (long long)position);
        return false;
    }
    if ((int64_t)size > left) {
        fault(dump, "position %lld: the file ends within a batch of %zu bytes", (long long)position,
              size);
        return false;
    }
    uint8_t *bytes = arena_alloc(&dump->arena, size);
    got = os_file_read(dump->file, bytes, size, position);
    struct slice whole = {bytes, size};
    if (got != (int64_t)size || batch_take(&whole, batch) < 0) {
        fault(dump, "position %lld: cannot be read", (long long)position);
        return false;
    }
    return true;
}

/* By the name of the folder it stands in; snapshots are the metadata log's only. */
static enum internal_topic topic_of(const char *path)
{
    if (ends_with(path, ".checkpoint")) return INTERNAL_METADATA;
    const char *name = base_name(path);
    const char *from = name == path ? path : name - 1;
    while (from > path && from[-1] != '/')
        from--;
    return internal_topic_of(slice_of(from));
}

static int64_t base_offset_of(const char *path)
{
    int64_t offset;
    struct slice digits = {(const uint8_t *)base_name(path), BASE_OFFSET_DIGITS};
    if (strlen(base_name(path)) < BASE_OFFSET_DIGITS) return 0;
    return slice_parse_int64(digits, 0, INT64_MAX, &offset) < 0 ? 0 : offset;
}

static void dump_log(struct dump *dump)
{
    enum internal_topic topic = topic_of(dump->path);
    bool is_segment = ends_with(dump->path, ".log");
    int64_t base = is_segment ? base_offset_of(dump->path) : 0;
    int64_t next_offset = base;
    int64_t position = 0;
    if (is_segment && base < dump->next_offset)
        fault(dump, "the segment before it ends with offset %lld",
              (long long)dump->next_offset - 1);
    while (position < dump->size) {
        struct batch batch;
        arena_reset(&dump->arena);
        if (!read_batch(dump, position, &batch)) return;
        bool crc = batch_crc_matches(&batch);
        print_batch(dump, position, &batch, crc);
        if (!crc) fault(dump, "position %lld: the CRC is wrong", (long long)position);
        if (crc) print_records(dump, topic, &batch);
        if (batch.base_offset < next_offset)
            fault(dump, "position %lld: offset %lld is below %lld, which is due",
                  (long long)position, (long long)batch.base_offset, (long long)next_offset);
        next_offset = batch_last_offset(&batch) + 1;
        if (is_segment) dump->next_offset = next_offset;
        dump->batch_count++;
        dump->record_count += batch.count;
        position += (int64_t)batch.bytes.size;
    }
}

/* --- small files ------------------------------------------------------------------------------ */

/* The whole file, in the arena. False: it has been said why not. */
static bool read_all(struct dump *dump, struct slice *bytes)
{
    arena_reset(&dump->arena);
    if (dump->size > SMALL_FILE_BYTES_MAX) {
        fault(dump, "longer than such a file can be");
        return false;
    }
    uint8_t *memory = arena_alloc(&dump->arena, (size_t)dump->size);
    int64_t got = os_file_read(dump->file, memory, (size_t)dump->size, 0);
    if (got < 0) {
        fault(dump, "%s", strerror((int)-got));
        return false;
    }
    *bytes = (struct slice){memory, (size_t)got};
    return true;
}

/* Entries up to the zeros of what is preallocated. */
static size_t count_entries(struct dump *dump, struct slice bytes, size_t entry_size)
{
    if (bytes.size % entry_size != 0) fault(dump, "ends within an entry");
    size_t count = bytes.size / entry_size;
    while (count > 0 && is_zero((struct slice){bytes.data + (count - 1) * entry_size, entry_size}))
        count--;
    return count;
}

/* Does the log beside the index have a batch at `position` that ends with `offset`? True, too, if
 * there is no such log to look into. */
static bool index_entry_fits(struct os_file *log, int64_t position, int64_t offset)
{
    uint8_t header[BATCH_HEADER_SIZE];
    struct batch batch;
    size_t size;
    if (log == NULL) return true;
    if (os_file_read(log, header, sizeof(header), position) != BATCH_HEADER_SIZE) return false;
    if (batch_peek((struct slice){header, sizeof(header)}, &batch, &size) < 0) return false;
    return batch_last_offset(&batch) == offset;
}

static struct os_file *open_log_beside(struct dump *dump)
{
    char path[OS_PATH_MAX];
    struct os_file *log;
    int stem = (int)(strlen(dump->path) - strlen(".index"));
    int size = snprintf(path, sizeof(path), "%.*s.log", stem, dump->path);
    if (size >= OS_PATH_MAX || os_file_open(dump->os, path, OS_OPEN_READ, &log) < 0) return NULL;
    return log;
}

static void dump_index(struct dump *dump)
{
    struct slice bytes;
    if (!read_all(dump, &bytes)) return;
    size_t count = count_entries(dump, bytes, OFFSET_ENTRY_BYTES);
    struct os_file *log = open_log_beside(dump);
    int64_t base = base_offset_of(dump->path);
    int64_t last_offset = -1;
    int64_t last_position = -1;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *entry = bytes.data + i * OFFSET_ENTRY_BYTES;
        int64_t offset = (int32_t)load_be32(entry);
        int64_t position = (int32_t)load_be32(entry + 4);
        if (dump->records)
            say(dump, "  entry offset=%lld position=%lld\n", (long long)(base + offset),
                (long long)position);
        if (offset <= last_offset || position <= last_position)
            fault(dump, "entry %zu does not ascend", i);
        if (!index_entry_fits(log, position, base + offset))
            fault(dump, "entry %zu: no batch that ends with offset %lld begins at position %lld", i,
                  (long long)(base + offset), (long long)position);
        last_offset = offset;
        last_position = position;
    }
    os_file_close(log);
    say(dump, "index entries=%zu\n", count);
}

static void dump_time_index(struct dump *dump)
{
    struct slice bytes;
    if (!read_all(dump, &bytes)) return;
    size_t count = count_entries(dump, bytes, TIME_ENTRY_BYTES);
    int64_t base = base_offset_of(dump->path);
    int64_t last_time = INT64_MIN;
    int64_t last_offset = -1;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *entry = bytes.data + i * TIME_ENTRY_BYTES;
        int64_t time = (int64_t)load_be64(entry);
        int64_t offset = (int32_t)load_be32(entry + 8);
        if (dump->records) {
            writer_printf(&dump->line, "  entry time=");
            record_print_time(time, &dump->line);
            writer_printf(&dump->line, " offset=%lld", (long long)(base + offset));
            print_line(dump);
        }
        if (time < last_time || offset < last_offset) fault(dump, "entry %zu does not ascend", i);
        last_time = time;
        last_offset = offset;
    }
    say(dump, "time index entries=%zu\n", count);
}

static void dump_aborted(struct dump *dump)
{
    struct slice bytes;
    if (!read_all(dump, &bytes)) return;
    if (bytes.size % ABORTED_ENTRY_BYTES != 0) fault(dump, "ends within an entry");
    size_t count = bytes.size / ABORTED_ENTRY_BYTES;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *entry = bytes.data + i * ABORTED_ENTRY_BYTES;
        say(dump, "  aborted producer=%lld offsets=%lld..%lld last-stable=%lld\n",
            (long long)load_be64(entry + 2), (long long)load_be64(entry + 10),
            (long long)load_be64(entry + 18), (long long)load_be64(entry + 26));
    }
    say(dump, "aborted transactions=%zu\n", count);
}

static void dump_producers(struct dump *dump)
{
    struct slice bytes;
    if (!read_all(dump, &bytes)) return;
    if (bytes.size < SNAPSHOT_CRC_END || load_be16(bytes.data) != SNAPSHOT_VERSION) {
        fault(dump, "no producer snapshot of version %d", SNAPSHOT_VERSION);
        return;
    }
    struct slice body = {bytes.data + 2, bytes.size - 2};
    struct slice checked = {bytes.data + SNAPSHOT_CRC_END, bytes.size - SNAPSHOT_CRC_END};
    struct producer_snapshot snapshot;
    if (wire_decode(&wire_producer_snapshot, SNAPSHOT_VERSION, &body, &dump->arena, &snapshot) <
        0) {
        fault(dump, "does not decode");
        return;
    }
    bool crc = crc32c(checked) == snapshot.crc;
    if (!crc) fault(dump, "the CRC is wrong");
    for (int32_t i = 0; i < snapshot.producer_entries_count; i++) {
        const struct producer_snapshot_producer_entry *entry = &snapshot.producer_entries[i];
        say(dump, "  producer id=%lld epoch=%d last-sequence=%d last-offset=%lld",
            (long long)entry->producer_id, (int)entry->epoch, (int)entry->last_sequence,
            (long long)entry->last_offset);
        if (entry->current_txn_first_offset >= 0)
            say(dump, " transaction-from=%lld", (long long)entry->current_txn_first_offset);
        say(dump, "\n");
    }
    say(dump, "producers=%d crc=%s\n", (int)snapshot.producer_entries_count, crc ? "ok" : "WRONG");
}

/* Version, number of entries, then as many lines of `words` words. (CheckpointFile) */
static void dump_checkpoint(struct dump *dump, int words)
{
    struct slice bytes;
    if (!read_all(dump, &bytes)) return;
    if (bytes.size == 0) return; /* as Kafka makes it at first */
    int64_t version, count;
    struct slice word;
    if (text_take_number(&bytes, &version) < 0 || text_take_number(&bytes, &count) < 0) {
        fault(dump, "no version and number of entries");
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        writer_printf(&dump->line, " ");
        for (int j = 0; j < words; j++) {
            if (text_take_word(&bytes, &word) < 0) {
                fault(dump, "ends after %lld of %lld entries", (long long)i, (long long)count);
                writer_reset(&dump->line);
                return;
            }
            writer_printf(&dump->line, " %.*s", SLICE_ARG(word));
        }
        print_line(dump);
    }
    if (!text_is_empty(bytes)) fault(dump, "has more than %lld entries", (long long)count);
    say(dump, "entries=%lld\n", (long long)count);
}

/* Epochs and the offsets where they begin ascend. (LeaderEpochFileCache) */
static void dump_epochs(struct dump *dump)
{
    dump_checkpoint(dump, 2); /* epoch, start offset */
    struct slice bytes;
    int64_t number, last_epoch = -1, last_offset = -1, epoch, offset;
    if (!read_all(dump, &bytes)) return;
    if (text_take_number(&bytes, &number) < 0 || text_take_number(&bytes, &number) < 0) return;
    while (text_take_number(&bytes, &epoch) == 0 && text_take_number(&bytes, &offset) == 0) {
        if (epoch <= last_epoch || offset <= last_offset)
            fault(dump, "epoch %lld from offset %lld on does not ascend", (long long)epoch,
                  (long long)offset);
        last_epoch = epoch;
        last_offset = offset;
    }
}

static void dump_offsets(struct dump *dump)
{
    dump_checkpoint(dump, 3); /* topic, partition, offset */
}

static void dump_text(struct dump *dump)
{
    struct slice bytes;
    if (!read_all(dump, &bytes)) return;
    bool ends = bytes.size > 0 && bytes.data[bytes.size - 1] == '\n';
    say(dump, "%.*s%s", SLICE_ARG(bytes), ends ? "" : "\n");
}

/* --- which file is what ----------------------------------------------------------------------- */

struct kind {
    const char *end; /* of the name */
    void (*dump)(struct dump *dump);
};

/* The first that fits counts. */
static const struct kind kinds[] = {
    {".log", dump_log},
    {".checkpoint", dump_log},
    {".timeindex", dump_time_index},
    {".txnindex", dump_aborted},
    {".index", dump_index},
    {".snapshot", dump_producers},
    {"leader-epoch-checkpoint", dump_epochs},
    {"-offset-checkpoint", dump_offsets},
    {"meta.properties", dump_text},
    {"partition.metadata", dump_text},
    {"quorum-state", dump_text},
};

static const struct kind *kind_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        if (ends_with(name, kinds[i].end)) return &kinds[i];
    }
    return NULL;
}

static void dump_file(struct dump *dump, const char *path)
{
    dump->path = path;
    const struct kind *kind = kind_of(base_name(path));
    int r = os_file_open(dump->os, path, OS_OPEN_READ, &dump->file);
    if (r == 0) r = os_file_size(dump->file, &dump->size);
    if (r < 0) {
        fault(dump, "%s", strerror(-r));
    } else if (kind == NULL) {
        fault(dump, "no file of a data folder");
    } else {
        say(dump, "%s\n", path);
        dump->file_count++;
        kind->dump(dump);
    }
    dump->file = os_file_close(dump->file);
}

/* --- folders ---------------------------------------------------------------------------------- */

struct listing {
    const char *folder;
    char **paths;
    size_t count, capacity;
    bool with_folders;
};

static int list_entry(void *context, const char *name, bool is_dir)
{
    struct listing *listing = context;
    if (is_dir ? !listing->with_folders : kind_of(name) == NULL) return 0;
    char path[OS_PATH_MAX];
    int size = snprintf(path, sizeof(path), "%s/%s%s", listing->folder, name, is_dir ? "/" : "");
    if (size >= OS_PATH_MAX) return -ENAMETOOLONG;
    if (listing->count == listing->capacity) {
        listing->capacity = listing->capacity == 0 ? 64 : listing->capacity * 2;
        listing->paths = memory_grow(listing->paths, listing->capacity * sizeof(listing->paths[0]));
    }
    char *copy = memory_alloc((size_t)size + 1);
    memcpy(copy, path, (size_t)size + 1);
    listing->paths[listing->count++] = copy;
    return 0;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The files of a data folder and of its partitions' folders, or of one of these. */
static void dump_folder(struct dump *dump, const char *path, bool with_folders)
{
    struct listing listing = {.folder = path, .with_folders = with_folders};
    int r = os_dir_list(dump->os, path, list_entry, &listing);
    dump->path = path;
    dump->next_offset = -1;
    if (r < 0) fault(dump, "%s", strerror(-r));
    if (listing.count > 0)
        qsort(listing.paths, listing.count, sizeof(listing.paths[0]), compare_paths);
    for (size_t i = 0; i < listing.count; i++) {
        char *found = listing.paths[i];
        size_t size = strlen(found);
        bool is_dir = found[size - 1] == '/';
        if (is_dir) found[size - 1] = 0;
        if (is_dir)
            dump_folder(dump, found, false);
        else
            dump_file(dump, found);
        memory_free(found);
    }
    memory_free(listing.paths);
}

static int ignore_entry(void *context, const char *name, bool is_dir)
{
    (void)context;
    (void)name;
    (void)is_dir;
    return 1; /* enough */
}

/* Nobody else may have a data folder that is verified. *folder is NULL for other folders. */
static bool lock_folder(struct dump *dump, const char *path, struct folder **folder)
{
    struct folder_identity identity;
    *folder = NULL;
    if (folder_identity_read(dump->os, path, &identity) < 0) return true;
    int r = folder_open(dump->os, path, folder);
    if (r == 0) return true;
    dump->path = path;
    fault(dump, "%s", r == -EWOULDBLOCK ? "a broker has it open; stop it first" : strerror(-r));
    return false;
}

static void dump_path(struct dump *dump, const char *path)
{
    dump->next_offset = -1;
    if (os_dir_list(dump->os, path, ignore_entry, NULL) < 0) {
        dump_file(dump, path);
        return;
    }
    struct folder *folder = NULL;
    if (dump->quiet && !lock_folder(dump, path, &folder)) return;
    dump_folder(dump, path, true);
    folder_close(folder);
}

static int dump_all(struct cli *cli, bool quiet)
{
    struct os *os;
    struct os_options options = {.workers_max = 1};
    int r = os_create(&options, &os);
    if (r < 0) return cli_fail(CLI_FAILED, "cannot make an event loop: %s", strerror(-r));
    struct dump dump = {.os = os, .records = cli_has(cli, OPTION_RECORDS), .quiet = quiet};
    arena_init(&dump.arena, ARENA_BYTES_MAX);
    writer_init(&dump.line, LINE_BYTES_MAX);
    for (int i = 0; i < cli->arguments.count; i++)
        dump_path(&dump, cli->arguments.items[i]);
    if (quiet)
        printf("%s  %lld files  %lld batches  %lld records\n", dump.faulty ? "FAULTY" : "ok",
               (long long)dump.file_count, (long long)dump.batch_count,
               (long long)dump.record_count);
    writer_deinit(&dump.line);
    arena_deinit(&dump.arena);
    os_destroy(os);
    return dump.faulty ? CLI_FAILED : CLI_OK;
}

int cli_log_dump(struct cli *cli)
{
    return dump_all(cli, false);
}

int cli_log_verify(struct cli *cli)
{
    return dump_all(cli, true);
}
