/*
 * The DSP instructions of Cortex-M4 and its like: rows whose input is not 0, four columns at a time.
 * One load brings four weights, two sign extensions make halfwords of them.
 */
typedef struct {
    const int8_t *weights;
    int32_t value;
} filled_row;

#define ROWS_AT_A_TIME 128 /* 1 kB of stack */

static void add_products(const uint8_t *RESTRICT input, uint32_t rows,
                         const int8_t *RESTRICT weights, uint32_t columns, int32_t *RESTRICT sums)
{
    filled_row filled[ROWS_AT_A_TIME + 3];
    for (uint32_t row = 0; row < rows;) {
        filled_row *end = filled;
        for (; row < rows && end < filled + ROWS_AT_A_TIME; row++) {
            if (input[row]) {
                end->weights = weights + row * columns;
                end->value = input[row];
                end++;
            }
        }
        uint32_t column = 0;
        for (; column + 4 <= columns; column += 4) {
            int32_t a = sums[column], b = sums[column + 1];
            int32_t c = sums[column + 2], d = sums[column + 3];
            for (const filled_row *at = filled; at < end; at++) {
                const int32_t value = at->value;
                int32_t four;
                __builtin_memcpy(&four, at->weights + column, 4);
                const int32_t even = __builtin_arm_sxtb16(four);
                const int32_t odd = __builtin_arm_sxtb16((int32_t)((uint32_t)four >> 8 | (uint32_t)four << 24));
                a = __builtin_arm_smlabb(even, value, a);
                b = __builtin_arm_smlabb(odd, value, b);
                c = __builtin_arm_smlatb(even, value, c);
                d = __builtin_arm_smlatb(odd, value, d);
            }
            sums[column] = a;
            sums[column + 1] = b;
            sums[column + 2] = c;
            sums[column + 3] = d;
        }
        for (; column < columns; column++) {
            for (const filled_row *at = filled; at < end; at++) {
                sums[column] += at->value * at->weights[column];
            }
        }
    }
}
