/* Runs the network on images from stdin, each behind a byte that is its levels; scores go to stdout, 8 bytes each.
 *
 * With BARE there is no operating system's library: three system calls of Linux on Arm stand in for one, so that code
 * for a microcontroller can run where there is none. */
#include <stdint.h>
#include <string.h>

#include "network.h"

#ifdef BARE
static long call(long number, long a, long b, long c)
{
    register long r7 __asm__("r7") = number;
    register long r0 __asm__("r0") = a;
    register long r1 __asm__("r1") = b;
    register long r2 __asm__("r2") = c;
    __asm__ volatile("svc 0" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2) : "memory");
    return r0;
}
static long take(void *to, long count) { return call(3, 0, (long)to, count); }
static long give(const void *from, long count) { return call(4, 1, (long)from, count); }
#else
#include <unistd.h>
static long take(void *to, long count) { return (long)read(0, to, (size_t)count); }
static long give(const void *from, long count) { return (long)write(1, from, (size_t)count); }
#endif

static uint8_t image[1 + NETWORK_HEIGHT * NETWORK_WIDTH * NETWORK_CHANNELS];
static network_memory memory;

static int fill(void)
{
    long have = 0;
    while (have < (long)sizeof image) {
        const long got = take(image + have, (long)sizeof image - have);
        if (got <= 0) return 0;
        have += got;
    }
    return 1;
}

int main(void)
{
    memset(&memory, 0xa5, sizeof memory); /* nothing of what is there before may matter */
    while (fill()) {
        network_score scores[NETWORK_CLASSES];
        int64_t wide[NETWORK_CLASSES + 1];
        network_scores(image + 1, image[0], &memory, scores);
        for (int i = 0; i < NETWORK_CLASSES; i++) wide[i] = scores[i];
        wide[NETWORK_CLASSES] = network_label(scores);
        if (give(wide, (long)sizeof wide) != (long)sizeof wide) return 1;
    }
    return 0;
}

#ifdef BARE
void _start(void)
{
    call(1, main(), 0, 0);
    for (;;) {}
}
#endif
