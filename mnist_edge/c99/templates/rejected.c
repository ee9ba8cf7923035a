/* 2^30 * 2^-(number / 64) */
@POWERS@

int @NAME@_rejected(const int32_t logits[@UPPER@_CLASSES])
{
    int32_t best = logits[0];
    for (int number = 1; number < @UPPER@_CLASSES; number++) {
        best = logits[number] > best ? logits[number] : best;
    }
    /* The sum of exp(-gap / temperature), in units of 2^-30: one by it is the confidence. */
    uint64_t sum = 0;
    for (int number = 0; number < @UPPER@_CLASSES; number++) {
        const uint32_t gap = (uint32_t)best - (uint32_t)logits[number];
        if (gap > @FARTHEST@u) {
            continue; /* it adds less than 2^-30 */
        }
        const uint64_t exponent = (uint64_t)gap * (@GAP_FACTOR@) >> @GAP_SHIFT@;
        const uint32_t fraction = (uint32_t)exponent & 65535u;
        const uint32_t power = powers[fraction >> 10];
        const uint32_t fall = power - powers[(fraction >> 10) + 1];
        const uint32_t between = power - (uint32_t)(((uint64_t)fall * (fraction & 1023u)) >> 10);
        sum += between >> (exponent >> 16);
    }
    return sum > @MOST_POWERS@;
}
