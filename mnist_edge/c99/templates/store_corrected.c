/* The same where no factor has the very steps: some sums have one more. */
static void store_corrected(const int32_t *RESTRICT sums, uint32_t columns, step by,
                            const int32_t corrections[256], uint8_t *RESTRICT bytes)
{
    store(sums, columns, by, bytes);
    for (uint32_t column = 0; column < columns; column++) {
        const int32_t sum = sums[column] > by.most ? by.most : sums[column];
        bytes[column] = (uint8_t)(bytes[column] + (sum >= corrections[bytes[column]]));
    }
}
