#include "wordfreq/arena.h"

#include <stdlib.h>
#include <string.h>

struct block {
    struct block *next;
    size_t used, size;
    char bytes[];
};

struct arena {
    struct block *blocks;
    size_t block_size;
};

struct arena *arena_new(size_t block_size)
{
    struct arena *arena = malloc(sizeof *arena);
    if (arena) {
        arena->blocks = NULL;
        arena->block_size = block_size;
    }
    return arena;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    struct block *block = arena->blocks;
    size = (size + 7) & ~(size_t)7;
    if (!block || block->size - block->used < size) {
        size_t capacity = size > arena->block_size ? size : arena->block_size;
        block = malloc(sizeof *block + capacity);
        if (!block)
            return NULL;
        block->next = arena->blocks;
        block->used = 0;
        block->size = capacity;
        arena->blocks = block;
    }
    block->used += size;
    return block->bytes + block->used - size;
}

char *arena_copy(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);
    if (copy) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

void arena_free(struct arena *arena)
{
    for (struct block *block = arena->blocks; block;) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
    free(arena);
}
