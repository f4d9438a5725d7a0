#ifndef WORDFREQ_ARENA_H
#define WORDFREQ_ARENA_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Memory that is freed all at once. */
struct arena;

struct arena *arena_new(size_t block_size);
void *arena_alloc(struct arena *arena, size_t size);
char *arena_copy(struct arena *arena, const char *text, size_t length);
void arena_free(struct arena *arena);

#ifdef __cplusplus
}
#endif
#endif
