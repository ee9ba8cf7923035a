/*
 * @TITLE@
 *
 * Made by mnist-edge @VERSION@ of @FILE@,
 * SHA-256 @SHA256@.
 * C99, no float, no allocation, no state: any number of threads may call it.
 *
 * Define MNIST_EDGE_SIMD for the vector kernel of the CPU that is compiled for: AVX-512 VNNI, AVX2
 * or NEON dot product. All kernels compute the same integers.
 */
#include "@NAME@.h"

#if defined(__cplusplus) || !defined(__STDC_VERSION__) || __STDC_VERSION__ < 199901L
#define RESTRICT
#else
#define RESTRICT restrict
#endif

@KERNEL_CHOICE@

/* The widest layer. */
#define WIDEST @WIDEST@

@WEIGHTS@

@KERNELS@

static void begin(const int32_t *RESTRICT bias, uint32_t columns, int32_t *RESTRICT sums)
{
    for (uint32_t column = 0; column < columns; column++) {
        sums[column] = bias[column];
    }
}

@STORE@

int @NAME@_predict(const uint8_t pixels[@UPPER@_PIXELS],
    int32_t logits[@UPPER@_CLASSES])
{
    int32_t sums[WIDEST + PADDING];
@BYTES@
@LAYERS@
    int best = 0;
    for (int number = 1; number < @UPPER@_CLASSES; number++) {
        if (sums[number] > sums[best]) {
            best = number;
        }
    }
    if (logits) {
        for (int number = 0; number < @UPPER@_CLASSES; number++) {
            logits[number] = sums[number];
        }
    }
    return best;
}

void @NAME@_predict_batch(const uint8_t *pixels, uint32_t images, int32_t *classes)
{
    for (uint32_t image = 0; image < images; image++) {
        classes[image] = @NAME@_predict(pixels, 0);
        pixels += @UPPER@_PIXELS;
    }
}

@REJECTED@

int @NAME@_selftest(void)
{
    uint8_t pixels[@UPPER@_PIXELS];
    int32_t logits[@UPPER@_CLASSES];
    uint32_t noise = 1;
    uint32_t hash = 2166136261u; /* FNV-1a, a logit at a time */
    for (int image = 0; image < @SELFTEST_IMAGES@; image++) {
        for (uint32_t pixel = 0; pixel < @UPPER@_PIXELS; pixel++) {
            noise = noise * 1664525u + 1013904223u;
            /* A quarter of the pixels has ink. */
            pixels[pixel] = noise >> 30 ? 0 : (uint8_t)(noise >> 16);
        }
        (void)@NAME@_predict(pixels, logits);
        for (int number = 0; number < @UPPER@_CLASSES; number++) {
            hash = (hash ^ (uint32_t)logits[number]) * 16777619u;
        }
    }
    return hash != @SELFTEST_HASH@u;
}

const char *const @NAME@_labels[@UPPER@_CLASSES] = {
@LABELS@
};
