/*
 * The DSP instructions of Cortex-M4 and its like: two rows whose input is not 0, four columns at a
 * time. A load brings four weights of a row; packed and sign-extended, the two weights of a column
 * lie side by side as halfwords, and one instruction multiplies both and adds them up.
 */
typedef struct {
    const int8_t *first;
    const int8_t *second;
    int32_t values; /* of both rows, as halfwords */
} row_pair;

#define PAIRS_AT_A_TIME 64 /* an even number; less than 1 kB of stack */

/* Compilers see no pkhbt, pkhtb and rotation in shifts and masks, or not always. */
static inline uint32_t lower_halves(uint32_t first, uint32_t second)
{
    uint32_t both;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(both) : "r"(first), "r"(second));
    return both;
}

static inline uint32_t upper_halves(uint32_t first, uint32_t second)
{
    uint32_t both;
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(both) : "r"(second), "r"(first));
    return both;
}

static inline int32_t odd_bytes(uint32_t bytes)
{
    int32_t halfwords;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(halfwords) : "r"(bytes));
    return halfwords;
}

static inline int32_t even_bytes(uint32_t bytes)
{
    return __builtin_arm_sxtb16((int32_t)bytes);
}

static inline uint32_t four_bytes(const void *bytes)
{
    uint32_t four;
    __builtin_memcpy(&four, bytes, 4);
    return four;
}

/* One instruction loads a pair and goes on to the next. */
#define MULTIPLY_PAIR(at)                                                                          \
    {                                                                                              \
        register const int8_t *first_row __asm__("r0");                                            \
        register const int8_t *second_row __asm__("r1");                                           \
        register int32_t values __asm__("r2");                                                     \
        __asm__("ldmia %0!, {%1, %2, %3}"                                                          \
                : "+r"(at), "=r"(first_row), "=r"(second_row), "=r"(values)                        \
                :                                                                                  \
                : "memory");                                                                       \
        const uint32_t first = four_bytes(first_row + column);                                   \
        const uint32_t second = four_bytes(second_row + column);                                 \
        const uint32_t ab = lower_halves(first, second);                                           \
        const uint32_t cd = upper_halves(first, second);                                           \
        a = __builtin_arm_smlad(even_bytes(ab), values, a);                                        \
        b = __builtin_arm_smlad(odd_bytes(ab), values, b);                                         \
        c = __builtin_arm_smlad(even_bytes(cd), values, c);                                        \
        d = __builtin_arm_smlad(odd_bytes(cd), values, d);                                         \
    }

static void add_products(const uint8_t *RESTRICT input, uint32_t rows,
                         const int8_t *RESTRICT weights, uint32_t columns, int32_t *RESTRICT sums)
{
    row_pair pairs[PAIRS_AT_A_TIME];
    const uint8_t *const last = input + rows;
    while (input < last) {
        row_pair *end = pairs;
        int waiting = 0; /* for a second row */
        while (input < last && end < pairs + PAIRS_AT_A_TIME) {
            if (last - input >= 4 && four_bytes(input) == 0) {
                input += 4;
                weights += 4 * columns;
                continue;
            }
            if (*input != 0) {
                if (waiting) {
                    end->second = weights;
                    end->values |= (int32_t)*input << 16;
                    end++;
                } else {
                    end->first = end->second = weights;
                    end->values = *input;
                }
                waiting = !waiting;
            }
            input++;
            weights += columns;
        }
        end += waiting;
        if ((end - pairs) % 2) { /* two pairs are taken at a time: one more, times 0 */
            *end = end[-1];
            end->values = 0;
            end++;
        }
        uint32_t column = 0;
        for (; column + 4 <= columns; column += 4) {
            int32_t a = sums[column], b = sums[column + 1];
            int32_t c = sums[column + 2], d = sums[column + 3];
            const row_pair *at = pairs;
            while (at < end) {
                MULTIPLY_PAIR(at)
                MULTIPLY_PAIR(at)
            }
            sums[column] = a;
            sums[column + 1] = b;
            sums[column + 2] = c;
            sums[column + 3] = d;
        }
        for (; column < columns; column++) {
            for (const row_pair *at = pairs; at < end; at++) {
                sums[column] += at->first[column] * (at->values & 255);
                sums[column] += at->second[column] * (at->values >> 16);
            }
        }
    }
}
