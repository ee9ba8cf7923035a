/* sums[column] += input[row] * weights[row][column], four columns at a time: the least code. */
static void add_products(const uint8_t *RESTRICT input, uint32_t rows,
                         const int8_t *RESTRICT weights, uint32_t columns, int32_t *RESTRICT sums)
{
    for (uint32_t row = 0; row < rows; row++) {
        const int32_t value = input[row];
        const int8_t *RESTRICT weight = weights + row * columns;
        if (value == 0) {
            continue;
        }
        uint32_t column = 0;
        for (; column + 4 <= columns; column += 4) {
            sums[column] += value * weight[column];
            sums[column + 1] += value * weight[column + 1];
            sums[column + 2] += value * weight[column + 2];
            sums[column + 3] += value * weight[column + 3];
        }
        for (; column < columns; column++) {
            sums[column] += value * weight[column];
        }
    }
}
