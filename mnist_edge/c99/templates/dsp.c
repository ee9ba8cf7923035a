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

#define PAIRS_AT_A_TIME 92 /* 1.2 kB of stack; most digits have fewer */

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

/*
 * One instruction loads a pair and goes on to the next. What it loads is copied at once: calls, which
 * inline functions are without optimization, do not keep these registers.
 */
#define MULTIPLY_PAIR(at)                                                                          \
    {                                                                                              \
        register const int8_t *r0 __asm__("r0");                                                   \
        register const int8_t *r1 __asm__("r1");                                                   \
        register int32_t r2 __asm__("r2");                                                         \
        __asm__("ldmia %0!, {%1, %2, %3}"                                                          \
                : "+r"(at), "=r"(r0), "=r"(r1), "=r"(r2)                                           \
                :                                                                                  \
                : "memory");                                                                       \
        const int8_t *const first_row = r0;                                                        \
        const int8_t *const second_row = r1;                                                       \
        const int32_t values = r2;                                                                 \
        const uint32_t first = four_bytes(first_row + column);                                     \
        const uint32_t second = four_bytes(second_row + column);                                   \
        const uint32_t ab = lower_halves(first, second);                                           \
        const uint32_t cd = upper_halves(first, second);                                           \
        a = __builtin_arm_smlad(even_bytes(ab), values, a);                                        \
        b = __builtin_arm_smlad(odd_bytes(ab), values, b);                                         \
        c = __builtin_arm_smlad(even_bytes(cd), values, c);                                        \
        d = __builtin_arm_smlad(odd_bytes(cd), values, d);                                         \
    }

/* Four inputs as one number; behind the last one it is as if there were zeros. */
static inline uint32_t four_inputs(const uint8_t *input, uint32_t left)
{
    if (left >= 4) {
        return four_bytes(input);
    }
    uint32_t inputs = 0;
    while (left > 0) {
        inputs = inputs << 8 | input[--left];
    }
    return inputs;
}

/* A row waits for a second one, and both make a pair. */
#define TAKE_ROW(value)                                                                            \
    {                                                                                              \
        const uint32_t taken = (value);                                                            \
        if (taken) {                                                                               \
            if (waiting) {                                                                         \
                end->first = waiting;                                                              \
                end->second = weights;                                                             \
                end->values = (int32_t)(waiting_value | taken << 16);                              \
                end++;                                                                             \
                waiting = 0;                                                                       \
            } else {                                                                               \
                waiting = weights;                                                                 \
                waiting_value = taken;                                                             \
            }                                                                                      \
        }                                                                                          \
        weights += columns;                                                                        \
    }

static void add_products(const uint8_t *RESTRICT input, uint32_t rows,
                         const int8_t *RESTRICT weights, uint32_t columns, int32_t *RESTRICT sums)
{
    row_pair pairs[PAIRS_AT_A_TIME + 4];
    uint32_t row = 0;
    while (row < rows) {
        row_pair *end = pairs;
        const int8_t *waiting = 0;
        uint32_t waiting_value = 0;
        for (; row < rows && end < pairs + PAIRS_AT_A_TIME; row += 4) {
            const uint32_t inputs = four_inputs(input + row, rows - row);
            if (inputs == 0) {
                weights += 4 * columns;
                continue;
            }
            TAKE_ROW(inputs & 255u)
            TAKE_ROW(inputs >> 8 & 255u)
            TAKE_ROW(inputs >> 16 & 255u)
            TAKE_ROW(inputs >> 24)
        }
        if (waiting) {
            end->first = end->second = waiting;
            end->values = (int32_t)waiting_value;
            end++;
        }
        if ((end - pairs) % 2) { /* no single pair is left over: one more, times 0 */
            *end = end[-1];
            end->values = 0;
            end++;
        }
        const row_pair *const last_four = end - (end - pairs) % 4;
        /* The last four columns may reach behind the row: what they add to is no sum of anything. */
        for (uint32_t column = 0; column < columns; column += 4) {
            int32_t a = sums[column], b = sums[column + 1];
            int32_t c = sums[column + 2], d = sums[column + 3];
            const row_pair *at = pairs;
            while (at < last_four) {
                MULTIPLY_PAIR(at)
                MULTIPLY_PAIR(at)
                MULTIPLY_PAIR(at)
                MULTIPLY_PAIR(at)
            }
            if (at < end) {
                MULTIPLY_PAIR(at)
                MULTIPLY_PAIR(at)
            }
            sums[column] = a;
            sums[column + 1] = b;
            sums[column + 2] = c;
            sums[column + 3] = d;
        }
    }
}
