// Pictures: the made-up one, the user's, fitted to a network's input; and as the camera's bytes.

export const FITS = [
  ["crop", "cut the sides off"], // as the camera's preview does
  ["stretch", "stretch it"],
  ["letterbox", "add black bars"],
];

/** A tree on a meadow with red apples: wrong colours are seen at once. */
export function madeUp(width = 320, height = 240) {
  const canvas = new OffscreenCanvas(width, height);
  const pen = canvas.getContext("2d");
  const sky = pen.createLinearGradient(0, 0, 0, height * 0.7);
  sky.addColorStop(0, "#3f8ee0");
  sky.addColorStop(1, "#cfe6fb");
  pen.fillStyle = sky;
  pen.fillRect(0, 0, width, height);
  pen.fillStyle = "#5d9b3a";
  pen.fillRect(0, height * 0.7, width, height);
  pen.fillStyle = "#fff3b0";
  disc(pen, width * 0.82, height * 0.2, height * 0.09);
  pen.fillStyle = "#6b4423";
  pen.fillRect(width * 0.46, height * 0.45, width * 0.08, height * 0.4);
  pen.fillStyle = "#2f6b2c";
  for (const [x, y, r] of [[0.5, 0.3, 0.24], [0.37, 0.4, 0.17], [0.63, 0.4, 0.17]]) disc(pen, width * x, height * y, height * r);
  pen.fillStyle = "#d6202a";
  for (const [x, y] of [[0.42, 0.3], [0.56, 0.24], [0.62, 0.42], [0.36, 0.43], [0.5, 0.42]]) disc(pen, width * x, height * y, height * 0.035);
  return canvas;
}

function disc(pen, x, y, radius) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fill();
}

export async function read(file) {
  try {
    return await createImageBitmap(file);
  } catch {
    throw { kind: "Picture", message: `${file.name} is no picture that this browser reads`, remedy: "give a JPEG, PNG or WebP" };
  }
}

/** The picture at a network's size, as RGBA. `how`: one of FITS. */
export function fit(picture, width, height, how) {
  const canvas = new OffscreenCanvas(width, height);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.fillStyle = "#000";
  pen.fillRect(0, 0, width, height);
  const across = width / picture.width;
  const down = height / picture.height;
  const by = how === "crop" ? Math.max(across, down) : Math.min(across, down);
  const [w, h] = how === "stretch" ? [width, height] : [picture.width * by, picture.height * by];
  pen.drawImage(picture, (width - w) / 2, (height - h) / 2, w, h);
  return pen.getImageData(0, 0, width, height);
}

/** The bytes a camera would send: `order` RGB, BGR or GRAY; `layout` NCHW or NHWC. */
export function toBytes({ data, width, height }, order, layout) {
  const channels = order.length === 4 ? 1 : 3;
  const made = new Uint8Array(width * height * channels);
  for (let at = 0; at < width * height; at++) {
    const [r, g, b] = [data[4 * at], data[4 * at + 1], data[4 * at + 2]];
    const values = order === "RGB" ? [r, g, b] : order === "BGR" ? [b, g, r] : [Math.round(0.299 * r + 0.587 * g + 0.114 * b)];
    values.forEach((value, c) => { made[layout === "NHWC" ? at * channels + c : c * width * height + at] = value; });
  }
  return made;
}

/** Put RGBA values onto a canvas of the page. */
export function put(canvas, image) {
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** One plane of numbers as grey, from `low` (black) to `high` (white). */
export function grey(values, width, height, low, high) {
  const image = new ImageData(width, height);
  const by = 255 / (high - low || 1);
  for (let at = 0; at < width * height; at++) {
    const value = (values[at] - low) * by;
    image.data.set([value, value, value, 255], 4 * at); // clamped by the array itself
  }
  return image;
}
