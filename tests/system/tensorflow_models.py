"""Run by a Python that has TensorFlow: writes one Keras network in every form it can be saved in.

    python tests/system/tensorflow_models.py FOLDER

``truth.npz`` holds an image (NHWC, 0..1) and what Keras gives for it.
"""

import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

SHAPE = (32, 48, 3)


def network() -> tf.keras.Model:
    """Strided and depthwise convolutions with TensorFlow's own padding, a residual, a head."""
    tf.keras.utils.set_random_seed(3)
    layers = tf.keras.layers
    image = layers.Input(SHAPE, batch_size=1, name="image")
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(image)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    x = layers.DepthwiseConv2D(3, padding="same")(x)
    x = layers.Conv2D(16, 1, activation="relu")(x)
    y = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(layers.Add()([x, y]))
    return tf.keras.Model(image, layers.Dense(5, activation="softmax")(x))


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    model = network()
    model.export(folder / "saved_model")
    model.save(folder / "model.keras")
    model.save(folder / "model.h5")
    (folder / "float.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    for name in ("int8", "uint8"):
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        random = np.random.default_rng(1)
        pictures = [[random.random((1, *SHAPE), np.float32)] for _ in range(20)]
        converter.representative_dataset = lambda pictures=pictures: iter(pictures)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = getattr(tf, name)
        (folder / f"{name}.tflite").write_bytes(converter.convert())
    wanted = tf.TensorSpec([1, *SHAPE], tf.float32, name="image")
    concrete = tf.function(lambda image: model(image)).get_concrete_function(wanted)
    graph = convert_variables_to_constants_v2(concrete).graph.as_graph_def()
    (folder / "frozen.pb").write_bytes(graph.SerializeToString())
    (folder / "frozen.pbtxt").write_text(str(graph))
    image = np.random.default_rng(0).integers(0, 256, (1, *SHAPE)).astype(np.float32) / 255
    np.savez(folder / "truth.npz", image=image, result=model(image).numpy())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
