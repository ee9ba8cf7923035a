/*
 * AVX-512 VNNI: rows whose input is not 0, four at a time, 64 columns at a time.
 * Two interleavings put the four weights of a column side by side, as dpbusd takes them.
 */
#include <immintrin.h>

static uint32_t four_bytes(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* The plain intrinsic draws a warning in C++ of gcc 12, since it begins with a register as it is. */
#define LANES(first, second, order)                                                                \
    _mm512_maskz_shuffle_i32x4((__mmask16)0xffff, first, second, order)

static void add_512(int32_t *sums, __m512i more)
{
    _mm512_storeu_si512(sums, _mm512_add_epi32(_mm512_loadu_si512(sums), more));
}

#ifdef __AVX512VBMI2__
static const uint16_t first_numbers[32] = { 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                            11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                            22, 23, 24, 25, 26, 27, 28, 29, 30, 31 };

/* List the rows whose input is not 0, and these inputs, 64 at a time; return how many. */
static uint32_t list_rows(const uint8_t *input, uint32_t rows, uint16_t *row_of, uint8_t *value_of)
{
    const __m512i numbers = _mm512_loadu_si512(first_numbers);
    uint32_t count = 0;
    for (uint32_t start = 0; start < rows; start += 64) {
        const uint32_t missing = rows - start < 64 ? 64 - (rows - start) : 0;
        const __mmask64 there = ~(uint64_t)0 >> missing;
        const __m512i values = _mm512_maskz_loadu_epi8(there, input + start);
        const uint64_t filled = _mm512_test_epi8_mask(values, values);
        const __m512i low = _mm512_add_epi16(numbers, _mm512_set1_epi16((short)start));
        const __m512i high = _mm512_add_epi16(low, _mm512_set1_epi16(32));
        const uint32_t lower = (uint32_t)__builtin_popcountll(filled & 0xffffffffu);
        _mm512_storeu_si512(value_of + count, _mm512_maskz_compress_epi8(filled, values));
        _mm512_storeu_si512(row_of + count, _mm512_maskz_compress_epi16((__mmask32)filled, low));
        _mm512_storeu_si512(row_of + count + lower,
                            _mm512_maskz_compress_epi16((__mmask32)(filled >> 32), high));
        count += (uint32_t)__builtin_popcountll(filled);
    }
    return count;
}
#else
/* List the rows whose input is not 0, and these inputs; return how many. */
static uint32_t list_rows(const uint8_t *input, uint32_t rows, uint16_t *row_of, uint8_t *value_of)
{
    uint32_t count = 0;
    for (uint32_t row = 0; row < rows; row++) {
        row_of[count] = (uint16_t)row;
        value_of[count] = input[row];
        count += input[row] != 0;
    }
    return count;
}
#endif

static void add_products(const uint8_t *RESTRICT input, uint32_t rows,
                         const int8_t *RESTRICT weights, uint32_t columns, int32_t *RESTRICT sums)
{
    uint16_t row_of[MOST_ROWS + 64];
    uint8_t value_of[MOST_ROWS + 64];
    uint32_t count = list_rows(input, rows, row_of, value_of);
    for (; count % 4; count++) {
        row_of[count] = 0;
        value_of[count] = 0;
    }
    for (uint32_t column = 0; column < columns; column += 64) {
        __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;
        for (uint32_t number = 0; number < count; number += 4) {
            const __m512i row_1 = _mm512_loadu_si512(weights + row_of[number] * columns + column);
            const __m512i row_2 = _mm512_loadu_si512(weights + row_of[number + 1] * columns + column);
            const __m512i row_3 = _mm512_loadu_si512(weights + row_of[number + 2] * columns + column);
            const __m512i row_4 = _mm512_loadu_si512(weights + row_of[number + 3] * columns + column);
            const __m512i low_12 = _mm512_unpacklo_epi8(row_1, row_2);
            const __m512i low_34 = _mm512_unpacklo_epi8(row_3, row_4);
            const __m512i high_12 = _mm512_unpackhi_epi8(row_1, row_2);
            const __m512i high_34 = _mm512_unpackhi_epi8(row_3, row_4);
            const __m512i values = _mm512_set1_epi32((int)four_bytes(value_of + number));
            a = _mm512_dpbusd_epi32(a, values, _mm512_unpacklo_epi16(low_12, low_34));
            b = _mm512_dpbusd_epi32(b, values, _mm512_unpackhi_epi16(low_12, low_34));
            c = _mm512_dpbusd_epi32(c, values, _mm512_unpacklo_epi16(high_12, high_34));
            d = _mm512_dpbusd_epi32(d, values, _mm512_unpackhi_epi16(high_12, high_34));
        }
        /* Each holds four columns of each quarter: bring the columns back into their order. */
        const __m512i ab_low = LANES(a, b, 0x44);
        const __m512i cd_low = LANES(c, d, 0x44);
        const __m512i ab_high = LANES(a, b, 0xee);
        const __m512i cd_high = LANES(c, d, 0xee);
        add_512(sums + column, LANES(ab_low, cd_low, 0x88));
        add_512(sums + column + 16, LANES(ab_low, cd_low, 0xdd));
        add_512(sums + column + 32, LANES(ab_high, cd_high, 0x88));
        add_512(sums + column + 48, LANES(ab_high, cd_high, 0xdd));
    }
}
