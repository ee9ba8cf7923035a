/*
 * sums[column] += input[row] * weights[row][column], for CPUs that have no vectors and for little
 * code: two rows whose input is not 0, four columns at a time.
 */
static void add_two_rows(const int8_t *RESTRICT first, int32_t first_value,
                         const int8_t *RESTRICT second, int32_t second_value, uint32_t columns,
                         int32_t *RESTRICT sums)
{
    for (uint32_t fours = columns / 4; fours; fours--) {
        sums[0] = sums[0] + first_value * first[0] + second_value * second[0];
        sums[1] = sums[1] + first_value * first[1] + second_value * second[1];
        sums[2] = sums[2] + first_value * first[2] + second_value * second[2];
        sums[3] = sums[3] + first_value * first[3] + second_value * second[3];
        sums += 4;
        first += 4;
        second += 4;
    }
    for (uint32_t ones = columns % 4; ones; ones--) {
        *sums = *sums + first_value * *first++ + second_value * *second++;
        sums++;
    }
}

static void add_products(const uint8_t *RESTRICT input, uint32_t rows,
                         const int8_t *RESTRICT weights, uint32_t columns, int32_t *RESTRICT sums)
{
    const int8_t *waiting = 0; /* a row that waits for a second one */
    int32_t waiting_value = 0;
    for (uint32_t row = 0; row < rows; row++, weights += columns) {
        if (input[row] == 0) {
            continue;
        }
        if (waiting) {
            add_two_rows(waiting, waiting_value, weights, input[row], columns, sums);
            waiting = 0;
        } else {
            waiting = weights;
            waiting_value = input[row];
        }
    }
    if (waiting) {
        add_two_rows(waiting, waiting_value, waiting, 0, columns, sums);
    }
}
