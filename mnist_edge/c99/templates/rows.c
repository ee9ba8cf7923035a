/*
 * sums[column] += input[row] * weights[row][column], two rows at a time.
 * Most inputs are 0, and pairs of them are passed over. The products of two rows fit in 16 bits:
 * the weights were rounded so, and mnist-edge has checked it of each pair.
 */
static void add_products(const uint8_t *RESTRICT input, uint32_t rows,
                         const int8_t *RESTRICT weights, uint32_t columns, int32_t *RESTRICT sums)
{
    for (uint32_t row = 0; row < rows; row += 2) {
        const int8_t *RESTRICT upper = weights + row * columns;
        const int8_t *RESTRICT lower = row + 1 < rows ? upper + columns : upper;
        const int16_t first = input[row];
        const int16_t second = row + 1 < rows ? input[row + 1] : 0;
        if ((first | second) == 0) {
            continue;
        }
        for (uint32_t column = 0; column < columns; column++) {
            sums[column] += (int16_t)(first * upper[column] + second * lower[column]);
        }
    }
}
