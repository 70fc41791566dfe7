/* network.h: the network tiny in C
 *
 * 3x3x1 - 3 layers in branches - D2
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
 * Constants (flash): 126 bytes, and the code.
 * Working memory (RAM): 100 bytes that the caller gives; they need no initial value and hold nothing from
 * image to image. Calls with memory of their own may run at the same time. No allocation, no floating point.
 */
#ifndef NETWORK_H
#define NETWORK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NETWORK_HEIGHT 3
#define NETWORK_WIDTH 3
#define NETWORK_CHANNELS 1
#define NETWORK_CLASSES 2
#define NETWORK_LEVELS 2 /* M */
#define NETWORK_CONSTANT_BYTES 126
#define NETWORK_MEMORY_BYTES 100

typedef int32_t network_score; /* no score of any image leaves it */

typedef struct {
    uint32_t window[2];
    union {
        uint32_t codes[23];
        int8_t bytes[92];
    } maps;
} network_memory;

typedef char network_memory_is_as_stated[sizeof(network_memory) == NETWORK_MEMORY_BYTES ? 1 : -1];

/* Scores of an image of NETWORK_HEIGHT x NETWORK_WIDTH x NETWORK_CHANNELS bytes, channels fastest.
 * levels: m, 1 ... 2; any other number means 2. */
void network_scores(const uint8_t *image, int levels, network_memory *memory, network_score scores[NETWORK_CLASSES]);

/* The first of the largest scores: 0 ... NETWORK_CLASSES - 1. */
int network_label(const network_score scores[NETWORK_CLASSES]);

#ifdef __cplusplus
}
#endif

#endif
