/* CRC-32C (Castagnoli), as in record batches and snapshots. The work is done by isa-l. */
#ifndef GREGOR_BASE_CRC32C_H
#define GREGOR_BASE_CRC32C_H

#include "base/slice.h"

uint32_t crc32c(struct slice bytes);

/* Continue a crc over more bytes: crc32c_extend(crc32c(a), b) == crc32c(ab). */
uint32_t crc32c_extend(uint32_t crc, struct slice bytes);

#endif
