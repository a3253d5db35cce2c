/*
 * format: makes empty folders a broker's: meta.properties and the bootstrap checkpoint with the
 * feature levels, as kafka-storage format does. (StorageTool, Formatter)
 *
 * What it never does: touch a folder that is formatted, unless told to ignore it; start anything.
 */
#ifndef GREGOR_BROKER_FORMAT_H
#define GREGOR_BROKER_FORMAT_H

#include "base/writer.h"
#include "broker/snapshot.h"
#include "core/controller/controller.h"
#include "core/settings/settings.h"
#include "log/folder.h"
#include "os/os.h"

struct format_options {
    const struct settings *settings; /* checked: node.id, log.dirs, roles, voters */
    struct slice cluster_id;         /* null: a random one */
    const struct controller_feature
        *features; /* --feature name=level, --release-version resolved */
    int32_t feature_count;
    bool ignore_formatted;
    bool standalone; /* --standalone: a dynamic quorum of this node */
    bool implied;    /* nobody said standalone: settings that name voters are right */
    bool no_initial_controllers;
    struct slice initial_controllers; /* --initial-controllers; null: not given */
};

/* This node as the one voter of its quorum, as its settings have it; texts are theirs. */
struct snapshot_voter format_own_voter(const struct settings *settings,
                                       const struct folder_identity *identity);

/* What kafka-storage format prints goes to `text` line by line; on error one line that says why. */
MUST_USE int format_folders(struct os *os, const struct format_options *options,
                            struct writer *text);

#endif
