// Any picture -> an image of rows, columns and channels: the whole picture, made to fit.
//
// This is mnist_edge/runtime/preprocess/resize.py, with Pillow's bilinear filter to the last bit
// ("smooth"), and bilinear.py ("stretch", "crop", "pad").
// It stands in the pages of models that take such images alone, between picture.js and page.js,
// and leaves one name there.

const whole = (() => {
  const DETAIL = 1024; // pixels a side that are kept of a large picture, or twice what is wanted
  const LUMA = [0.299, 0.587, 0.114];
  const BITS = 2 ** 22; // Pillow counts in whole numbers: weights of a pixel sum to this

  // ImageData -> pixels as bytes in order of rows, columns and channels, as from examine.
  function prepare(imageData, [rows, columns, channels = 1], how) {
    const pixels = how === "smooth"
      ? smooth(imageData, rows, columns, channels)
      : sampled(imageData, rows, columns, channels, how);
    return { pixels, doubtful: false };
  }

  function smooth(imageData, rows, columns, channels) {
    const layers = shrunk(imageData, Math.max(DETAIL, 2 * rows, 2 * columns));
    return stretched({ ...layers, channels, data: levels(layers, channels) }, rows, columns);
  }

  // As Keras' loaders have it: each new pixel of the four old ones that are nearest to it.
  function sampled(imageData, rows, columns, channels, how) {
    const layers = shrunk(imageData, DETAIL), most = Math.max(3, channels);
    let image = { ...layers, channels: most, data: levels(layers, most) };
    if (channels === 1) image = asGrey(image);
    if (how === "crop") image = cropped(image, rows, columns);
    if (how !== "pad") return Uint8ClampedArray.from(between(image, rows, columns));
    // In float32, as TensorFlow works it out.
    const { width, height } = layers, round = Math.fround;
    const ratio = Math.max(round(height / rows), round(width / columns));
    const tall = Math.max(1, Math.floor(round(height / ratio)));
    const wide = Math.max(1, Math.floor(round(width / ratio)));
    const top = Math.floor(round(rows - round(height / ratio)) / 2);
    const left = Math.floor(round(columns - round(width / ratio)) / 2);
    const inside = between(image, tall, wide);
    const out = new Uint8ClampedArray(rows * columns * channels);
    for (let y = 0; y < tall; y++) {
      const row = inside.subarray(y * wide * channels, (y + 1) * wide * channels);
      out.set(row, ((top + y) * columns + left) * channels);
    }
    return out;
  }

  // One number a pixel: a picture without colours keeps its own.
  function asGrey({ data, width, height }) {
    const out = new Float64Array(width * height);
    let coloured = false;
    for (let i = 0, at = 0; i < out.length; i++, at += 3) {
      const [red, green, blue] = data.subarray(at, at + 3);
      coloured ||= red !== green || red !== blue;
      out[i] = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue;
    }
    if (!coloured) out.forEach((_, i) => { out[i] = data[3 * i]; });
    return { width, height, channels: 1, data: out };
  }

  // The largest middle part that has the proportions wanted.
  function cropped({ data, width, height, channels }, rows, columns) {
    const tall = Math.max(1, Math.min(height, Math.floor((width * rows) / columns)));
    const wide = Math.max(1, Math.min(width, Math.floor((height * columns) / rows)));
    const top = Math.floor((height - tall) / 2), left = Math.floor((width - wide) / 2);
    const out = new Float64Array(tall * wide * channels);
    for (let y = 0; y < tall; y++) {
      const from = ((top + y) * width + left) * channels;
      out.set(data.subarray(from, from + wide * channels), y * wide * channels);
    }
    return { width: wide, height: tall, channels, data: out };
  }

  // Interpolated down, then across; pixel centres at halves.
  function between({ data, width, height, channels }, rows, columns) {
    const down = interpolated(data, 1, height, width * channels, rows);
    return interpolated(down, rows, width, channels, columns);
  }

  function interpolated(data, outer, length, inner, wanted) {
    const out = new Float64Array(outer * wanted * inner), last = length - 1;
    for (let o = 0, to = 0; o < outer; o++) {
      for (let i = 0; i < wanted; i++) {
        const centre = (i + 0.5) * (length / wanted) - 0.5, below = Math.floor(centre);
        const upper = (o * length + Math.min(last, Math.max(0, below))) * inner;
        const lower = (o * length + Math.min(last, Math.max(0, below + 1))) * inner;
        for (let k = 0; k < inner; k++, to++)
          out[to] = data[upper + k] + (data[lower + k] - data[upper + k]) * (centre - below);
      }
    }
    return out;
  }

  // ImageData -> a canvas that shows it on white.
  function picture(imageData) {
    const layers = shrunk(imageData, DETAIL), { width, height } = layers;
    const colours = levels(layers, 3), shown = new ImageData(width, height);
    for (let i = 0; i < width * height; i++)
      shown.data.set([colours[3 * i], colours[3 * i + 1], colours[3 * i + 2], 255], 4 * i);
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    canvas.getContext("2d").putImageData(shown, 0, 0);
    return canvas;
  }

  // Means over blocks, so that no side has more pixels than ``most``: four numbers a pixel, red,
  // green and blue multiplied by the opacity, and the opacity from 0 to 1. Blocks at the right and
  // the bottom may be smaller.
  function shrunk({ data, width, height }, most) {
    const block = Math.ceil(Math.max(width, height) / most);
    const columns = Math.ceil(width / block), rows = Math.ceil(height / block);
    const means = new Float64Array(4 * rows * columns);
    for (let y = 0, from = 0; y < height; y++) {
      const tall = Math.min(block, height - y + (y % block)), row = Math.floor(y / block) * columns;
      for (let x = 0; x < width; x++, from += 4) {
        const to = 4 * (row + Math.floor(x / block));
        const share = 1 / (tall * Math.min(block, width - x + (x % block)));
        const opacity = (share * data[from + 3]) / 255;
        for (let c = 0; c < 3; c++) means[to + c] += opacity * data[from + c];
        means[to + 3] += opacity;
      }
    }
    return { data: means, width: columns, height: rows };
  }

  // Bytes of so many channels. Without a channel for opacity, what is transparent lies on white.
  function levels({ data, width, height }, channels) {
    const out = new Uint8ClampedArray(width * height * channels); // to the nearest, 0 to 255
    for (let i = 0, to = 0; i < data.length; i += 4, to += channels) {
      const opacity = data[i + 3], white = 255 * (1 - opacity);
      if (channels === 1)
        out[to] = LUMA.reduce((total, weight, c) => total + weight * (data[i + c] + white), 0);
      else
        for (let c = 0; c < 3; c++)
          out[to + c] = channels === 4 ? data[i + c] / Math.max(opacity, 1e-6) : data[i + c] + white;
      if (channels === 4) out[to + 3] = 255 * opacity;
    }
    return out;
  }

  // Image.resize with the bilinear filter: first across, then down, bytes in between.
  function stretched({ data, width, height, channels }, rows, columns) {
    let bytes = channels === 4 ? multiplied(data) : data;
    bytes = filtered(bytes, height, channels, weightsOf(width, columns));
    bytes = filtered(bytes, 1, columns * channels, weightsOf(height, rows));
    return channels === 4 ? divided(bytes) : bytes;
  }

  // Each new pixel's first old one and the weights from there. A triangle as wide as two new pixels
  // makes means when it shrinks, and interpolates when it enlarges.
  function weightsOf(length, wanted) {
    const scale = length / wanted, reach = Math.max(1, scale), places = [];
    for (let i = 0; i < wanted; i++) {
      const centre = (i + 0.5) * scale, weights = [];
      const first = Math.max(0, Math.floor(centre - reach + 0.5));
      const end = Math.min(length, Math.floor(centre + reach + 0.5));
      for (let p = first; p < end; p++)
        weights.push(Math.max(0, 1 - Math.abs((p - centre + 0.5) / reach)));
      const total = weights.reduce((one, other) => one + other, 0);
      places.push({
        length, first, weights: weights.map((weight) => Math.floor((weight / total) * BITS + 0.5)),
      });
    }
    return places;
  }

  // The middle one of three axes, outer x length x inner, as long as there are places.
  function filtered(data, outer, inner, places) {
    const out = new Uint8Array(outer * places.length * inner);
    for (let o = 0, to = 0; o < outer; o++) {
      for (const { length, first, weights } of places) {
        for (let i = 0; i < inner; i++, to++) {
          let total = BITS / 2, from = (o * length + first) * inner + i;
          for (let k = 0; k < weights.length; k++, from += inner) total += weights[k] * data[from];
          out[to] = Math.min(255, Math.floor(total / BITS));
        }
      }
    }
    return out;
  }

  // Colours times opacity, and back, as Pillow does around a filter.
  function multiplied(data) {
    return data.map((value, i) => {
      const product = value * data[i | 3] + 128;
      return (i & 3) === 3 ? value : (product + (product >> 8)) >> 8;
    });
  }

  function divided(data) {
    return data.map((value, i) => {
      const opacity = data[i | 3];
      return (i & 3) === 3 || !opacity ? value : Math.min(255, Math.floor((255 * value) / opacity));
    });
  }

  return { prepare, picture };
})();

