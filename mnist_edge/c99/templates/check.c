/*
 * Writes the class and the logits of each image in a file: int32, the lowest byte first.
 * Usage: check IMAGES ANSWERS; ends with 2 where the code's own test fails.
 */
#include <stdio.h>

#include "@NAME@.h"

static void put(FILE *file, int32_t number)
{
    const uint32_t bits = (uint32_t)number;
    for (int shift = 0; shift < 32; shift += 8) {
        (void)putc((int)(bits >> shift & 255u), file);
    }
}

int main(int count, char **arguments)
{
    static uint8_t pixels[@UPPER@_PIXELS];
    static int32_t logits[@UPPER@_CLASSES];
    if (count != 3) {
        return 3;
    }
    FILE *images = fopen(arguments[1], "rb");
    FILE *answers = fopen(arguments[2], "wb");
    if (!images || !answers) {
        return 3;
    }
    while (fread(pixels, 1, sizeof pixels, images) == sizeof pixels) {
        put(answers, @NAME@_predict(pixels, logits));
        for (int number = 0; number < @UPPER@_CLASSES; number++) {
            put(answers, logits[number]);
        }
        put(answers, @NAME@_rejected(logits));
    }
    if (fclose(answers) != 0 || fclose(images) != 0) {
        return 3;
    }
    return @NAME@_selftest() ? 2 : 0;
}
