/* What the files of broker/ share: the broker, its shards, their partitions. */
#ifndef GREGOR_BROKER_SHARD_PRIVATE_H
#define GREGOR_BROKER_SHARD_PRIVATE_H

#include "base/arena.h"
#include "base/map.h"
#include "base/prng.h"
#include "broker/broker.h"
#include "broker/call.h"
#include "broker/measure.h"
#include "broker/metadata.h"
#include "broker/shard.h"
#include "core/quota/quota.h"
#include "core/replication/replication.h"
#include "log/folder.h"

enum {
    SHARDS_MAX = 64,
    SHARD_WORKERS = 8,       /* threads for flushes, opens, cold reads */
    SHARD_FLUSHES_MAX = 6,   /* of different partitions at a time: the rest of the workers read */
    SHARD_OPEN_FILES = 8192, /* of all shards; logs close what they do not need */
    SHARD_STOP_TURNS_MS = 5000,
};

/* --- folders (folders.c) ---------------------------------------------------------------------- */

enum { FOLDERS_MAX = SETTINGS_LOG_DIRS_MAX + 1 };

struct data_folder {
    struct broker *broker;
    int32_t index;
    char *path;            /* as the settings name it */
    char *absolute;        /* as the protocol does */
    struct folder *folder; /* NULL: it could not be opened */
    struct uuid id;
    struct map known;        /* checkpoint.c: what its files told at the start */
    struct os_number failed; /* from then on it is left alone; any shard */
    bool holds_partitions;   /* metadata.log.dir may be apart from the others */
    bool clean;              /* it was stopped cleanly */
    bool told;               /* of its failure: the cluster; shard 0's */
};

/* Finds out whose the folders are, locks them, reads their checkpoints. Errors were told. */
MUST_USE int folders_open(struct broker *broker, const struct broker_options *options);
void folders_close(struct broker *broker);
MUST_USE int folders_mark_clean(struct broker *broker); /* those that work */
struct data_folder *folders_by_id(struct broker *broker, const struct uuid *id);
struct data_folder *folders_by_path(struct broker *broker, struct slice absolute);
bool folders_has_failed(const struct data_folder *folder);
/* Does it take no new replicas, by the settings in force on that shard? (KIP-1066) */
bool folders_is_cordoned(const struct shard *shard, const struct data_folder *folder);
int32_t folders_working(const struct broker *broker);                           /* how many */
int32_t folders_ids(const struct broker *broker, struct uuid ids[FOLDERS_MAX]); /* theirs, sorted */
/* A write or flush has failed there: the last one, or that of the metadata log, stops the node;
 * another goes with its partitions, and the node goes on. Any shard. */
void folders_fail(struct shard *shard, struct data_folder *folder, int error);

/* --- partitions (partition.c) ----------------------------------------------------------------- */

enum partition_state {
    PARTITION_OPENING, /* a job makes or recovers its log; calls wait */
    PARTITION_ONLINE,
    PARTITION_OFFLINE, /* its log failed or could not be opened: KAFKA_STORAGE_ERROR */
    PARTITION_DOOMED,  /* deleted; goes when its job is done */
};

struct partition_key {
    struct uuid topic_id;
    int32_t index;
};

/* Offsets that are refused: what lies there is not what was written. */
struct damage {
    int64_t from, end;
};

struct partition {
    struct shard *shard;
    struct partition_key key;
    struct slice topic; /* its own copy */
    enum partition_state state;
    struct data_folder *folder; /* NULL: nobody has chosen one yet */
    struct log *log;            /* NULL unless online or offline after it was */
    struct replication replication;
    struct settings_topic config;
    int32_t leader_epoch;
    int32_t isr_count;
    int32_t replica_count;
    bool leads;
    int64_t recovery_point;       /* durable with its indexes */
    int64_t start_checkpoint;     /* log start offset as last written down */
    struct list pending;          /* calls until the log is open */
    struct list unwritten;        /* produce calls of this turn */
    struct list uncommitted;      /* acks=all, until the high watermark passes; ascending */
    struct list watching;         /* reads that wait for records */
    struct list rebuilt;          /* batches of this turn that are not the frame's */
    struct list_link staged_link; /* in shard->staged */
    struct list_link flush_link;  /* in shard->flush_queue */
    struct list_link behind_link; /* in shard->behind */
    struct os_job job;            /* open or flush: one at a time */
    struct log_flush *flush;
    int32_t borrowed;      /* jobs that use the log's files: of calls, of background work */
    bool busy;             /* the job runs */
    bool flush_indexes;    /* the next flush makes a recovery point */
    bool makes_point;      /* the one that runs does */
    bool flush_due;        /* flush.policy=os: a segment was sealed, flush.ms has passed … */
    int64_t flushed_ns;    /* monotonic: when the last flush began */
    int32_t segment_count; /* as it was after the last write */
    struct measure_traffic traffic;
    /* of background work */
    struct os_job removal_job;
    struct log_removal *removal; /* under way */
    struct os_job clean_job;
    struct log_clean *clean; /* under way */
    struct shard_timer clean_timer;
    int64_t first_dirty;    /* how far it is cleaned */
    bool uncleanable;       /* a cleaning found damage: it is left alone */
    int64_t scrub_offset;   /* where the scrubber goes on; INT64_MAX: not in this round */
    struct damage *damages; /* that the scrubber found */
    int32_t damage_count;
    /* of the open job */
    struct log_options options;
    struct log_files *own_files;
    struct log_recovery recovery;
    struct shard_timer retry; /* the name is still another topic's; later: for a flush */
    char *directory;
    int result;
    bool at_start;              /* it may have a directory from before */
    struct move *move;          /* to another folder; NULL: none is under way */
    struct data_folder *resume; /* where one was going when the node stopped; NULL: nowhere */
    bool renamed;               /* doomed, and its name is free again */
};

struct partition *partition_create(struct shard *shard, const struct partition_key *key,
                                   struct slice topic);
/* Calls that wait are answered with `error` first. */
void partition_destroy(struct partition *partition, enum kafka_error error);
void partition_answer_all(struct partition *partition, enum kafka_error error);
void partition_step(struct partition *partition, const struct replication_event *event);
/* Runs a call on it: done now or later. */
void partition_call(struct partition *partition, struct call *call);
void partition_cancel(struct partition *partition, struct call *call);
/* The log is open: lead, run what waits. */
void partition_start(struct partition *partition);
void partition_lead(struct partition *partition, int32_t leader_epoch);
void partition_fail(struct partition *partition, int error, const char *what);
/* What failed was its folder's disk, not the log alone. */
void partition_fail_folder(struct partition *partition, int error, const char *what);
/* Writes what was staged in this turn and answers who waits for no more than that. */
void partition_write(struct partition *partition);
/* The log is durable up to its flushed offset. */
void partition_flushed(struct partition *partition);
bool partition_wants_flush(const struct partition *partition);

/* How many must be in sync for acks=all. More than there are replicas are never asked for.
 * (Partition.effectiveMinIsr) */
int32_t partition_min_isr(const struct partition *partition);

/* read.c: the parts of a partition that answer reads. */
void partition_read(struct partition *partition, struct call *call);
void partition_wake_readers(struct partition *partition);
void partition_list_offset(struct partition *partition, struct call *call);
void partition_epoch_end(struct partition *partition, struct call *call);

/* --- from one folder to another (move.c) ------------------------------------------------------ */

/* What of the copy others may see. */
struct log_move_seen {
    int64_t bytes, end_offset;
    int64_t stable; /* the log's indexes do not change below */
};

void move_call(struct partition *partition, struct call *call);
void move_begin(struct partition *partition, struct data_folder *to);
/* Its partition goes. */
void move_stop(struct partition *partition);
/* The log is open again, where it is now; or it will never be. */
void move_forget(struct partition *partition);
/* The folder that the checkpoints have to name as well; NULL: none. */
const struct data_folder *move_target(const struct partition *partition);
/* The folder of the copy; NULL: there is none. */
const struct data_folder *move_seen(const struct partition *partition, struct log_move_seen *seen);

/* --- connections (admit.c) -------------------------------------------------------------------- */

/* A connection that waits to be let in, on its way to shard 0 and back: one of each listener. */
struct admission {
    struct call_letter letter;
    struct shard *shard;
    struct net_connection *connection; /* NULL: it has died meanwhile */
    struct net_connection *next;       /* of the same listener, after that one had died */
    struct quota_entrance entrance;
    enum quota_verdict verdict;
    struct list_link waiting; /* in the broker's admissions */
    bool asking;
};

void admit_open(struct broker *broker, uint64_t seed);
void admit_ask(struct shard *shard, struct net_connection *connection);
void admit_closed(struct shard *shard, struct net_connection *connection);
void admit_limits_changed(struct shard *shard); /* settings or quotas have */

/* --- shards (shard.c) ------------------------------------------------------------------------- */

struct shard {
    struct broker *broker;
    struct os *os;
    struct os_thread *thread; /* NULL: the one that runs the broker */
    struct net *net;
    void *api;
    struct image *image;
    struct settings *settings; /* in force; NULL: the broker's as they are */
    struct log_files *files;
    struct map partitions;   /* by struct partition_key */
    struct list staged;      /* partitions with batches to write in this turn */
    struct list flush_queue; /* partitions with something to flush */
    struct list behind;      /* those that may wait (flush.policy=os), the oldest first */
    struct list outbox;      /* letters that found no room */
    struct heap timers;
    struct arena scratch;
    struct quota *quota;
    struct shard_timer quota_timer; /* tells the others what was used here */
    struct admission admissions[SETTINGS_LISTENERS_MAX];
    struct shard_timer checkpoint_timer;
    struct shard_timer retain_timer;
    struct shard_timer compact_timer;
    struct maintain_counters maintain;
    struct measures measured; /* but for what others count, and for partitions */
    int64_t turn_end_ns;      /* monotonic: when the last turn ended; 0: none has */
    struct shard_timer scrub_timer;
    struct os_job scrub_job;
    struct log_scrub *scrub;                  /* under way */
    struct partition *scrubbed;               /* of which partition */
    size_t scrub_cursor;                      /* in `partitions` */
    int64_t scrub_round_bytes;                /* to be read in this round */
    int64_t scrub_round_ns, scrub_measure_ns; /* monotonic: when it began, is counted anew */
    size_t retain_cursor;           /* in `partitions`: where the round under way has come to */
    struct list checkpoint_calls;   /* wait until what they did is in the checkpoints */
    int64_t checkpoint_number;      /* of the set that was told last */
    int32_t cleanings;              /* under way */
    struct shard_timer flush_timer; /* looks for partitions whose flush.ms has passed */
    struct os_mail command;         /* from shard 0, at start and stop */
    struct os_mail report;          /* to shard 0, likewise */
    struct os_mail fail_mail;
    struct os_mail watch_mail; /* to and fro between shard 0 and this one */
    bool watch_sent;           /* and not back */
    bool state_asked;          /* and not told */
    struct call_letter state_letter;
    struct os_number logs, logs_left; /* to open at the start */
    int failure;
    int64_t now_ms;
    int64_t checkpoint_ns;    /* when the checkpoints were last told */
    int64_t checkpoint_bytes; /* written since */
    int32_t index;
    int32_t flushes;         /* under way */
    int32_t staged_count;    /* partitions in `staged` */
    int32_t open_files_max;  /* descriptors that logs may keep */
    int32_t descriptors_max; /* and may need at the worst */
    int32_t opening;         /* partitions */
    int32_t jobs;            /* of calls */
    int64_t calls;           /* of handlers here, not done yet */
    int result;              /* of its start, then of its stop */
    int32_t commands;        /* that shard 0 has given it */
    bool settings_changed;   /* dynamically, and follow_settle has not been called */
    bool stopping;
};

/* Everything here runs on the shard's own thread. */
MUST_USE int shard_open(struct shard *shard); /* loop and connections, nothing listens yet */
MUST_USE int shard_listen(struct shard *shard);
void shard_turn(struct shard *shard);
void shard_load(struct shard *shard);      /* opens its partitions, until all are */
void shard_drain(struct shard *shard);     /* answers everybody, closes connections */
int shard_close_logs(struct shard *shard); /* cleanly; what the checkpoints need is told */
void shard_close(struct shard *shard);
void shard_fail(struct shard *shard, int error); /* the broker must stop */
bool shard_owns(const struct shard *shard, const struct partition_key *key);
struct shard *shard_of(struct broker *broker, const struct partition_key *key);

/* call.c */
void call_finish(struct call *call, enum kafka_error error);
void call_flush_outbox(struct shard *shard);
/* Like os_post, but a letter that finds no room waits for it. */
void letter_post(struct shard *from, struct shard *to, struct call_letter *letter,
                 void (*receive)(struct os_mail *mail));

/* quotas.c */
void quotas_open(struct shard *shard, uint64_t seed);
void quotas_turn(struct shard *shard);
struct quota_window quotas_window(const struct settings *settings);

/* flush.c */
void flush_enqueue(struct partition *partition);
void flush_start(struct shard *shard);
void flush_watch_time(struct shard *shard); /* starts its timer */
/* It was written to, and nobody waits for its flush. */
void flush_later(struct partition *partition);
/* Would one more partition with unflushed writes need a descriptor that there is none for? */
bool flush_must_come_first(const struct partition *partition);
/* flush.policy=os: is it time, by Kafka's own settings? */
bool flush_is_due(struct partition *partition);

/* follow.c: partitions as the image says. */
void follow_change(void *context, const struct image_change *change);
void follow_settle(struct shard *shard); /* behind the last of the changes that came together */
void follow_all(struct shard *shard);    /* at start */
void follow_finish_doomed(struct partition *partition);
/* The path of its log in that folder; the caller frees it. */
char *follow_directory(const struct partition *partition, const struct data_folder *folder);
/* Opens the log where it lies now; it was finished. */
void follow_reopen(struct partition *partition);
struct partition *follow_find(struct shard *shard, const struct partition_key *key);

/* checkpoint.c: recovery points, log starts, high watermarks, written now and then by shard 0. */
void checkpoint_start(struct shard *shard);                  /* its timer */
void checkpoint_written(struct shard *shard, int64_t bytes); /* to its logs: much hurries it */
void checkpoint_now(struct shard *shard);
/* Finishes the call when what the shard has now is written down. */
void checkpoint_await(struct shard *shard, struct call *call);
void checkpoint_collect(struct shard *shard); /* what its partitions say now, for shard 0 */
struct checkpoint_known {
    int64_t recovery_point, log_start, cleaned;
    bool present; /* there is such a directory (places.c) */
    bool future;  /* the log was on its way there */
};
/* What a folder's files said when they were loaded, and what was noted since; all of it before the
 * shards start. */
MUST_USE int checkpoint_load(struct data_folder *folder);
void checkpoint_note_present(struct data_folder *folder, struct slice topic, int32_t index);
void checkpoint_note_future(struct data_folder *folder, struct slice topic, int32_t index);
struct checkpoint_known checkpoint_known(const struct data_folder *folder, struct slice topic,
                                         int32_t index);
void checkpoint_forget(struct data_folder *folder);
void checkpoint_open(struct broker *broker);
/* All shards have stopped. */
MUST_USE int checkpoint_write_last(struct broker *broker);
void checkpoint_close(struct broker *broker);

/* places.c: which partition lies in which folder; shard 0. */
/* Finds the logs in the folders. Those of no partition of the image: half deleted ones go, others
 * are renamed. */
MUST_USE int places_sweep(struct broker *broker);
MUST_USE int places_settle(struct broker *broker); /* the metadata says what was found */
void places_follow(struct broker *broker, const struct image_change *change);
void places_turn(struct broker *broker); /* chooses for those that are new */
/* Where a partition with this directory lies; NULL: not chosen, or none of ours. Any shard. */
struct data_folder *places_folder(struct broker *broker, const struct uuid *directory);
/* Where a move was going when the node stopped; NULL: there was none. */
struct data_folder *places_future(struct broker *broker, struct slice topic, int32_t index);

/* retain.c: what is old or no longer wanted leaves. */
void retain_start(struct shard *shard); /* its timer */
void retain_delete_records(struct partition *partition, struct call *call);
/* Has the files removed that a log has let go. */
void retain_remove(struct partition *partition, struct log_removal *removal);

/* scrub.c: is what is on disk still what was written? */
void scrub_start(struct shard *shard); /* its timer */
/* How far a read from `offset` may go: not into damage. `offset` itself: it lies in some. */
int64_t scrub_limit(const struct partition *partition, int64_t offset, int64_t limit);

/* compact.c: the cleaner. */
void compact_start(struct shard *shard); /* its timer */
/* The partition must go, or the shard: its cleaning ends soon. */
void compact_stop(struct partition *partition);

/* describe.c: what lies in the folders, for those who ask. */
void describe_logs(struct call *call);
void describe_folder(struct call *call);

/* measure.c: what is counted. */
void measure_traffic(struct partition *partition, const struct measure_traffic *more);
void measure_call(struct call *call);
void measure_flush(struct shard *shard, int64_t ns, int error);
void measure_turn_ends(struct shard *shard);

/* control.c: the controller, on shard 0. */
void control_call(struct call *call);
MUST_USE int control_open(struct broker *broker);
MUST_USE int control_register(struct broker *broker);
void control_turn(struct broker *broker);
int control_close(struct broker *broker);
/* The records that a broker's heartbeat and AssignReplicasToDirs bring about. -ENOSPC: later. */
MUST_USE int control_place(struct broker *broker, const struct controller_placement *placements,
                           size_t count);
void control_lose_folder(struct broker *broker, const struct data_folder *folder);

/* publish.c: committed records to all shards. */
struct publication;
void publish_record(struct broker *broker, struct slice record, int64_t offset);
/* `call` is done when all shards have what was published until now. */
void publish_then_finish(struct broker *broker, struct call *call);
void publish_turn(struct broker *broker);

/* watch.c: what the service manager is told. */
void watch_loading(struct broker *broker);
void watch_start(struct broker *broker);
void watch_reloading(struct broker *broker);
void watch_reloaded(struct broker *broker);
void watch_stop(struct broker *broker);

/* signals.c */
MUST_USE int signals_watch(struct broker *broker);

/* --- the broker (broker.c) -------------------------------------------------------------------- */

struct checkpoints;

struct broker {
    const struct settings *settings;
    const struct broker_handler *handler;
    struct trace *trace;
    struct loggers *loggers;
    void (*reload)(void *context);
    void *reload_context;
    struct data_folder folders[FOLDERS_MAX];
    int32_t folder_count;
    struct data_folder *home;        /* of the metadata log */
    struct folder_identity identity; /* of that one */
    struct settings_listener listeners[SETTINGS_LISTENERS_MAX];
    uint16_t ports[SETTINGS_LISTENERS_MAX]; /* really bound */
    int32_t listener_count;
    struct shard shards[SHARDS_MAX];
    int32_t shard_count;
    bool fresh; /* we have just formatted the folders */
    int64_t broker_epoch;
    struct checkpoints *checkpoints;
    /* places.c */
    struct partition_key *unplaced; /* new, and nobody has chosen a folder yet */
    size_t unplaced_count, unplaced_capacity;
    /* admit.c, shard 0's */
    struct quota_connections *connections;
    struct list admissions; /* that wait for a place, or for their time */
    struct shard_timer admit_timer;
    struct call_letter eviction; /* on its way to a shard that shall close a connection */
    int32_t eviction_shard;
    int32_t eviction_misses; /* shards in a row that had none */
    bool evicting;
    /* control.c */
    struct metadata *metadata;
    struct os_number kraft_version; /* committed */
    int32_t quorum_epoch;           /* of this life */
    struct prng random;
    struct arena control_arena;
    int64_t producer_id_next, producer_id_end;
    struct list producer_id_calls; /* wait for a block */
    struct metadata_waiter block_waiter;
    int64_t block_first;
    int32_t block_count;
    bool block_asked;
    /* publish.c */
    struct publication *publication; /* gathering; NULL: nothing */
    struct list publications;        /* on their way */
    struct shard_timer watch_timer;
    int64_t watch_ns;   /* between two words to the service manager */
    int32_t watch_left; /* logs, when it was last told */
    /* signals.c */
    struct os_job reload_job;
    int64_t ready_ns; /* monotonic */
    int stop_signals;
    int level_before; /* of root, while it debugs */
    bool reloading, reload_again, debugs;
    bool ready;
    const struct broker_monitor *monitor;
    void *monitoring; /* what it opened */
    bool running;     /* shards have started: changes travel by mail */
    bool stop;
    int failure; /* why it must stop; 0: asked to */
    struct os_mail stop_mail;
    int32_t started; /* threads: shards 1 to this */
    int32_t reports; /* of theirs, since we began to wait for them */
};

#define BROKER_TRACE(broker, level, component, ...) \
    trace_write((broker)->trace, level, component, __VA_ARGS__)

#endif
