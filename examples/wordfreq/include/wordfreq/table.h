#ifndef WORDFREQ_TABLE_H
#define WORDFREQ_TABLE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Counts byte strings; open addressing, grows at three quarters full. */
struct table;

struct table_entry {
    const char *key;
    size_t length;
    uint64_t count;
};

struct table *table_new(void);
uint64_t table_add(struct table *table, const char *key, size_t length);
size_t table_size(const struct table *table);
/* Calls `visit` for each entry, in no particular order. */
void table_each(const struct table *table, void (*visit)(const struct table_entry *, void *), void *state);
void table_free(struct table *table);

#ifdef __cplusplus
}
#endif
#endif
