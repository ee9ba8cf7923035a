/* Which kernel: they differ in how many rows and columns they take at a time. */
#if defined(MNIST_EDGE_COLUMNS)
#define KERNEL_COLUMNS
#elif defined(MNIST_EDGE_SIMD) && defined(__AVX512VNNI__) && defined(__AVX512BW__)
#define KERNEL_VNNI
#elif defined(MNIST_EDGE_SIMD) && defined(__AVX2__)
#define KERNEL_AVX2
#elif defined(MNIST_EDGE_SIMD) && defined(__ARM_FEATURE_DOTPROD) && !defined(__ARM_BIG_ENDIAN)
#define KERNEL_NEON
#elif defined(__ARM_FEATURE_SIMD32) && defined(__GNUC__) && !defined(__ARM_BIG_ENDIAN)             \
    && !defined(__ARM_NEON) && !defined(MNIST_EDGE_PORTABLE)
#define KERNEL_DSP /* Cortex-M4, M7, M33: no header, no macro needed */
#endif

/* Vector kernels may read so many weights, and write so many sums, behind a row's end. */
#if defined(KERNEL_VNNI) || defined(KERNEL_AVX2) || defined(KERNEL_NEON)
#define PADDING 63
#else
#define PADDING 0
#endif
