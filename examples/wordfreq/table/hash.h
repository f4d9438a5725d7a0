#ifndef WORDFREQ_HASH_H
#define WORDFREQ_HASH_H

#include <stddef.h>
#include <stdint.h>

/* FNV-1a, 64 bits. */
static inline uint64_t hash_bytes(const char *bytes, size_t length)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t at = 0; at < length; at++)
        hash = (hash ^ (unsigned char)bytes[at]) * 1099511628211u;
    return hash;
}

#endif
