/*
 * AVX2: pairs of rows of which one input is not 0, two pairs at a time, 32 columns at a time.
 * maddubs adds two products in 16 bits, which those of a pair fit in. Where the CPU has AVX-VNNI,
 * dpbusd adds four of them in 32 bits.
 */
#include <immintrin.h>

static uint32_t four_bytes(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static __m256i load_256(const void *from)
{
    return _mm256_loadu_si256((const __m256i *)from);
}

static void add_256(int32_t *sums, __m256i more)
{
    _mm256_storeu_si256((__m256i *)(void *)sums, _mm256_add_epi32(load_256(sums), more));
}

static __m256i dot(__m256i sums, __m256i values, __m256i weights)
{
#ifdef __AVXVNNI__
    return _mm256_dpbusd_avx_epi32(sums, values, weights);
#else
    const __m256i pairs = _mm256_maddubs_epi16(values, weights);
    return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
#endif
}

static void add_products(const uint8_t *RESTRICT input, uint32_t rows,
                         const int8_t *RESTRICT weights, uint32_t columns, int32_t *RESTRICT sums)
{
    const int8_t *row_of[MOST_ROWS / 2 + 2];
    uint8_t value_of[MOST_ROWS + 4];
    uint32_t count = 0;
    for (uint32_t row = 0; row + 1 < rows; row += 2) {
        row_of[count] = weights + row * columns;
        value_of[2 * count] = input[row];
        value_of[2 * count + 1] = input[row + 1];
        count += (input[row] | input[row + 1]) != 0;
    }
    if (rows % 2) { /* the last row has none after it: it goes with 0 times the one before */
        row_of[count] = weights + (rows - 2) * columns;
        value_of[2 * count] = 0;
        value_of[2 * count + 1] = input[rows - 1];
        count++;
    }
    row_of[count] = weights;
    value_of[2 * count] = value_of[2 * count + 1] = 0;
    for (uint32_t column = 0; column < columns; column += 32) {
        __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
        for (uint32_t number = 0; number < count; number += 2) {
            const int8_t *first = row_of[number] + column;
            const int8_t *second = row_of[number + 1] + column;
            const __m256i row_1 = load_256(first), row_2 = load_256(first + columns);
            const __m256i row_3 = load_256(second), row_4 = load_256(second + columns);
            const __m256i low_12 = _mm256_unpacklo_epi8(row_1, row_2);
            const __m256i low_34 = _mm256_unpacklo_epi8(row_3, row_4);
            const __m256i high_12 = _mm256_unpackhi_epi8(row_1, row_2);
            const __m256i high_34 = _mm256_unpackhi_epi8(row_3, row_4);
            const __m256i values = _mm256_set1_epi32((int)four_bytes(value_of + 2 * number));
            a = dot(a, values, _mm256_unpacklo_epi16(low_12, low_34));
            b = dot(b, values, _mm256_unpackhi_epi16(low_12, low_34));
            c = dot(c, values, _mm256_unpacklo_epi16(high_12, high_34));
            d = dot(d, values, _mm256_unpackhi_epi16(high_12, high_34));
        }
        /* Each holds four columns of each half: bring the columns back into their order. */
        add_256(sums + column, _mm256_permute2x128_si256(a, b, 0x20));
        add_256(sums + column + 8, _mm256_permute2x128_si256(c, d, 0x20));
        add_256(sums + column + 16, _mm256_permute2x128_si256(a, b, 0x31));
        add_256(sums + column + 24, _mm256_permute2x128_si256(c, d, 0x31));
    }
}
