/*
 * @TITLE@
 *
 * Made by mnist-edge @VERSION@ of @FILE@,
 * SHA-256 @SHA256@.
 * Its integers equal onnxruntime's, bit for bit (docs/c.md of mnist-edge).
 */
#ifndef @GUARD@
#define @GUARD@

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of an image, row by row (of MNIST's digits, 0 is paper and 255 is ink), and classes. */
#define @UPPER@_PIXELS @PIXELS@
#define @UPPER@_CLASSES @CLASSES@

/* (float)logit * this is onnxruntime's value before @HEAD@. */
#define @UPPER@_LOGIT_SCALE @LOGIT_SCALE@f

/* The .onnx file that this was made of. */
#define @UPPER@_MODEL_SHA256 "@SHA256@"

/* The name of each class, UTF-8. */
extern const char *const @NAME@_labels[@UPPER@_CLASSES];

/*
 * Classify one image: return its class, the first one where two are equal.
 * logits may be NULL; otherwise it receives the value of each class.
 */
int @NAME@_predict(const uint8_t pixels[@UPPER@_PIXELS],
    int32_t logits[@UPPER@_CLASSES]);

/* Classify consecutive images; classes receives one number for each. */
void @NAME@_predict_batch(const uint8_t *pixels, uint32_t images, int32_t *classes);

/*
 * Return 1 where the answer may be none of the classes, else 0.
 * @REJECTION@
 */
int @NAME@_rejected(const int32_t logits[@UPPER@_CLASSES]);

/*
 * Return 0 if this code, as it was compiled for this device, computes what onnxruntime computes
 * of @SELFTEST_IMAGES@ generated images; 1 if it does not.
 */
int @NAME@_selftest(void);

#ifdef __cplusplus
}
#endif

#endif
