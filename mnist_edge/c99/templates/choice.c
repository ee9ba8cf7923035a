/*
 * Which kernel: they differ in how many rows and columns they take at a time.
 * MNIST_EDGE_PORTABLE, MNIST_EDGE_COLUMNS and MNIST_EDGE_SIMD choose; without any it is the rows
 * where compilers make vectors of loops, the columns where they do not, and Cortex-M4's own.
 */
#define MOST_ROWS @MOST_ROWS@

#if defined(MNIST_EDGE_COLUMNS)
#define KERNEL_COLUMNS
#elif defined(MNIST_EDGE_PORTABLE)
#elif defined(MNIST_EDGE_SIMD) && defined(__AVX512VNNI__) && defined(__AVX512BW__)                 \
    && MOST_ROWS < 65536
#define KERNEL_VNNI
#elif defined(MNIST_EDGE_SIMD) && defined(__AVX2__)
#define KERNEL_AVX2
#elif defined(MNIST_EDGE_SIMD) && defined(__ARM_FEATURE_DOTPROD) && !defined(__ARM_BIG_ENDIAN)
#define KERNEL_NEON
#elif defined(__ARM_FEATURE_SIMD32) && defined(__GNUC__) && !defined(__ARM_BIG_ENDIAN)             \
    && !defined(__ARM_NEON)
#define KERNEL_DSP /* Cortex-M4, M7, M33 and older cores; needs no header */
#elif defined(__OPTIMIZE_SIZE__)                                                                   \
    || !(defined(__SSE2__) || defined(_M_X64) || defined(__ARM_NEON) || defined(__ALTIVEC__)       \
         || defined(__VEC__) || defined(__riscv_vector) || defined(__wasm_simd128__))
#define KERNEL_COLUMNS
#endif

/* Some kernels read so many weights, and write so many sums, behind a row's end. */
#if defined(KERNEL_VNNI) || defined(KERNEL_AVX2) || defined(KERNEL_NEON)
#define PADDING 63
#elif defined(KERNEL_DSP)
#define PADDING 3
#else
#define PADDING 0
#endif
