/* CRC-32C (Castagnoli, reflected, RFC 3720 B.4): the checksum of everything stored, by the CPU's own
 * instruction. From 256 bytes on, three streams at once, since the instruction takes three cycles but can
 * start in each.
 */
#ifndef RFQD_CORE_CRC32C_H
#define RFQD_CORE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* crc: 0 to begin, or the value so far: crc32c(crc32c(0, a), b) is that of a and b joined. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t size);

#endif
