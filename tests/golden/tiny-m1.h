/* network.h: the network tiny in C
 *
 * 1x1x2 - D2 - D2
 *
 * Made by rebnet from network.json, SHA-256
 * (sha256);
 * edit the network instead. Weights and code are in network.c.
 *
 *     static network_memory memory;
 *     network_score scores[NETWORK_CLASSES];
 *     network_scores(image, 0, &memory, scores);
 *     int label = network_label(scores);
 *
 * Constants (flash): 30 bytes, and the code.
 * Working memory (RAM): 12 bytes that the caller gives; they need no initial value and hold nothing from
 * image to image. Calls with memory of their own may run at the same time. No allocation, no floating point.
 */
#ifndef NETWORK_H
#define NETWORK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NETWORK_HEIGHT 1
#define NETWORK_WIDTH 1
#define NETWORK_CHANNELS 2
#define NETWORK_CLASSES 2
#define NETWORK_LEVELS 1 /* M */
#define NETWORK_CONSTANT_BYTES 30
#define NETWORK_MEMORY_BYTES 12

typedef int32_t network_score; /* no score of any image leaves it */

typedef struct {
    uint32_t window[2];
    uint32_t map2[1];
} network_memory;

typedef char network_memory_is_as_stated[sizeof(network_memory) == NETWORK_MEMORY_BYTES ? 1 : -1];

/* Scores of an image of NETWORK_HEIGHT x NETWORK_WIDTH x NETWORK_CHANNELS bytes, channels fastest.
 * levels: not used; this network runs at 1. */
void network_scores(const uint8_t *image, int levels, network_memory *memory, network_score scores[NETWORK_CLASSES]);

/* The first of the largest scores: 0 ... NETWORK_CLASSES - 1. */
int network_label(const network_score scores[NETWORK_CLASSES]);

#ifdef __cplusplus
}
#endif

#endif
