@RUNS@

/* Find the run that each sum is in: each step halves where it can be. */
static void look_up(const int32_t *RESTRICT sums, uint32_t columns, const int32_t *RESTRICT starts,
                    const uint8_t *RESTRICT values, uint32_t runs, uint8_t *RESTRICT bytes)
{
    for (uint32_t column = 0; column < columns; column++) {
        const int32_t sum = sums[column];
        uint32_t low = 0;
        uint32_t high = runs;
        while (high - low > 1) {
            const uint32_t middle = (low + high) / 2;
            if (sum >= starts[middle]) {
                low = middle;
            } else {
                high = middle;
            }
        }
        bytes[column] = values[low];
    }
}
