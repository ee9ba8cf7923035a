/* The uint8 that stands for a sum: (sum - least) * factor / 2^SHIFT, as onnxruntime rounds it. */
typedef struct {
    int32_t least; /* smaller sums are taken as this one */
    int32_t most;  /* larger sums are taken as this one */
    uint32_t factor;
    uint64_t half; /* what rounds */
} step;

#define SHIFT @SHIFT@

@STEPS@

static void store(const int32_t *RESTRICT sums, uint32_t columns, step by, uint8_t *RESTRICT bytes)
{
    for (uint32_t column = 0; column < columns; column++) {
        int32_t sum = sums[column];
        sum = sum < by.least ? by.least : sum;
        sum = sum > by.most ? by.most : sum;
        const uint32_t above = (uint32_t)sum - (uint32_t)by.least;
        bytes[column] = (uint8_t)(((uint64_t)above * by.factor + by.half) >> SHIFT);
    }
}
