#include "wordfreq/table.h"
#include "wordfreq/arena.h"
#include "hash.h"

#include <stdlib.h>
#include <string.h>

struct table {
    struct table_entry *slots;
    size_t capacity, size;
    struct arena *keys;
};

struct table *table_new(void)
{
    struct table *table = calloc(1, sizeof *table);
    if (!table)
        return NULL;
    table->capacity = 64;
    table->slots = calloc(table->capacity, sizeof *table->slots);
    table->keys = arena_new(1 << 14);
    if (!table->slots || !table->keys) {
        table_free(table);
        return NULL;
    }
    return table;
}

static struct table_entry *find(struct table_entry *slots, size_t capacity, const char *key, size_t length)
{
    size_t at = hash_bytes(key, length) & (capacity - 1);
    while (slots[at].key && (slots[at].length != length || memcmp(slots[at].key, key, length) != 0))
        at = (at + 1) & (capacity - 1);
    return &slots[at];
}

static int grow(struct table *table)
{
    size_t capacity = table->capacity * 2;
    struct table_entry *slots = calloc(capacity, sizeof *slots);
    if (!slots)
        return 0;
    for (size_t at = 0; at < table->capacity; at++)
        if (table->slots[at].key)
            *find(slots, capacity, table->slots[at].key, table->slots[at].length) = table->slots[at];
    free(table->slots);
    table->slots = slots;
    table->capacity = capacity;
    return 1;
}

uint64_t table_add(struct table *table, const char *key, size_t length)
{
    struct table_entry *entry;
    if (table->size * 4 >= table->capacity * 3 && !grow(table))
        return 0;
    entry = find(table->slots, table->capacity, key, length);
    if (!entry->key) {
        entry->key = arena_copy(table->keys, key, length);
        if (!entry->key)
            return 0;
        entry->length = length;
        table->size++;
    }
    return ++entry->count;
}

size_t table_size(const struct table *table)
{
    return table->size;
}

void table_each(const struct table *table, void (*visit)(const struct table_entry *, void *), void *state)
{
    for (size_t at = 0; at < table->capacity; at++)
        if (table->slots[at].key)
            visit(&table->slots[at], state);
}

void table_free(struct table *table)
{
    if (table->keys)
        arena_free(table->keys);
    free(table->slots);
    free(table);
}
