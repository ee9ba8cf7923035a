/*
 * NEON dot product: rows whose input is not 0, four at a time, 16 columns at a time.
 * It multiplies signed bytes, so that an input goes in as its upper seven bits and its last one.
 */
#include <arm_neon.h>

static int8x16_t four_times(const uint8_t *values, int shift, uint8_t mask)
{
    uint32_t four = 0;
    for (int number = 3; number >= 0; number--) {
        four = four << 8 | (uint32_t)((values[number] >> shift) & mask);
    }
    return vreinterpretq_s8_u32(vdupq_n_u32(four));
}

static int32x4_t dot(int32x4_t sums, int8x16_t upper, int8x16_t last, int8x16_t weights)
{
    const int32x4_t halves = vdotq_s32(vdupq_n_s32(0), weights, upper);
    return vdotq_s32(vaddq_s32(sums, vshlq_n_s32(halves, 1)), weights, last);
}

static int8x16_t as_bytes(int16x8_t pairs)
{
    return vreinterpretq_s8_s16(pairs);
}

static void add_products(const uint8_t *RESTRICT input, uint32_t rows,
                         const int8_t *RESTRICT weights, uint32_t columns, int32_t *RESTRICT sums)
{
    const int8_t *row_of[MOST_ROWS + 4];
    uint8_t value_of[MOST_ROWS + 4];
    uint32_t count = 0;
    for (uint32_t row = 0; row < rows; row++) {
        row_of[count] = weights + row * columns;
        value_of[count] = input[row];
        count += input[row] != 0;
    }
    for (; count % 4; count++) {
        row_of[count] = weights;
        value_of[count] = 0;
    }
    for (uint32_t column = 0; column < columns; column += 16) {
        int32x4_t a = vld1q_s32(sums + column), b = vld1q_s32(sums + column + 4);
        int32x4_t c = vld1q_s32(sums + column + 8), d = vld1q_s32(sums + column + 12);
        for (uint32_t number = 0; number < count; number += 4) {
            const int8x16_t row_1 = vld1q_s8(row_of[number] + column);
            const int8x16_t row_2 = vld1q_s8(row_of[number + 1] + column);
            const int8x16_t row_3 = vld1q_s8(row_of[number + 2] + column);
            const int8x16_t row_4 = vld1q_s8(row_of[number + 3] + column);
            const int16x8_t low_12 = vreinterpretq_s16_s8(vzip1q_s8(row_1, row_2));
            const int16x8_t low_34 = vreinterpretq_s16_s8(vzip1q_s8(row_3, row_4));
            const int16x8_t high_12 = vreinterpretq_s16_s8(vzip2q_s8(row_1, row_2));
            const int16x8_t high_34 = vreinterpretq_s16_s8(vzip2q_s8(row_3, row_4));
            const int8x16_t upper = four_times(value_of + number, 1, 127);
            const int8x16_t last = four_times(value_of + number, 0, 1);
            a = dot(a, upper, last, as_bytes(vzip1q_s16(low_12, low_34)));
            b = dot(b, upper, last, as_bytes(vzip2q_s16(low_12, low_34)));
            c = dot(c, upper, last, as_bytes(vzip1q_s16(high_12, high_34)));
            d = dot(d, upper, last, as_bytes(vzip2q_s16(high_12, high_34)));
        }
        vst1q_s32(sums + column, a);
        vst1q_s32(sums + column + 4, b);
        vst1q_s32(sums + column + 8, c);
        vst1q_s32(sums + column + 12, d);
    }
}
