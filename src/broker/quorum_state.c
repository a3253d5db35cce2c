#include "broker/quorum_state.h"

#include <errno.h>

#include <jansson.h>

#include "base/memory.h"
#include "base/uuid.h"
#include "base/writer.h"
#include "log/folder.h"

enum { FILE_MAX_BYTES = 64 << 10 };

static const char *const NAME = "quorum-state";

int quorum_state_read(struct os *os, const char *directory, int32_t *leader_epoch)
{
    uint8_t *bytes;
    size_t size;
    int r = folder_read_file(os, directory, FILE_MAX_BYTES, NAME, &bytes, &size);
    if (r == -ENOENT) {
        *leader_epoch = 0;
        return 0;
    }
    if (r < 0) return r;
    json_t *json = json_loadb((const char *)bytes, size, 0, NULL);
    memory_free(bytes);
    const json_t *version = json_object_get(json, "data_version");
    const json_t *epoch = json_object_get(json, "leaderEpoch");
    json_int_t number = json_integer_value(epoch);
    bool sound = json_is_integer(version) && json_integer_value(version) >= 0 &&
                 json_integer_value(version) <= 1 && json_is_integer(epoch) && number >= 0 &&
                 number < INT32_MAX;
    json_decref(json);
    if (!sound) return -EBADMSG;
    *leader_epoch = (int32_t)number;
    return 0;
}

int quorum_state_write(struct os *os, const char *directory, int32_t node_id, int32_t leader_epoch,
                       bool is_dynamic)
{
    struct writer text;
    writer_init(&text, FILE_MAX_BYTES);
    if (is_dynamic) {
        char none[UUID_TEXT_SIZE];
        uuid_format(&UUID_ZERO, none);
        writer_printf(&text,
                      "{\"leaderId\":%d,\"leaderEpoch\":%d,\"votedId\":-1,"
                      "\"votedDirectoryId\":\"%s\",\"data_version\":1}",
                      (int)node_id, (int)leader_epoch, none);
    } else {
        writer_printf(&text,
                      "{\"clusterId\":\"\",\"leaderId\":%d,\"leaderEpoch\":%d,\"votedId\":-1,"
                      "\"appliedOffset\":0,\"currentVoters\":[{\"voterId\":%d}],"
                      "\"data_version\":0}",
                      (int)node_id, (int)leader_epoch, (int)node_id);
    }
    int r = writer_error(&text);
    if (r == 0) r = folder_replace_file(os, directory, NAME, writer_slice(&text));
    writer_deinit(&text);
    return r;
}
