# SPDX-License-Identifier: Apache-2.0
"""Made dense, graph, nested, row, sequence, volume and words with Keras 3.15 and KERAS_BACKEND=torch: models with random weights,
their input, and what model.predict gives. The archives were compressed afterwards, as Keras stores its weights as they are."""
import os
import zipfile

import keras
import numpy as np
from keras import layers as L
from keras.src.applications.convnext import LayerScale


def numbers(*shape, seed=7):
    return np.random.RandomState(seed).normal(0, 1, shape).astype("float32")


def save(name, model, x, h5=False):
    random = np.random.RandomState(1)
    for variable in model.variables:
        if "float" in str(variable.dtype):
            value = random.normal(0, 0.4, variable.shape).astype("float32")
            positive = any(part in variable.path for part in ("variance", "gamma", "/scale"))
            variable.assign(np.abs(value) + 0.5 if positive else value)
    np.save(name + ".in.npy", x)
    np.save(name + ".out.npy", model.predict(x, verbose=0))
    model.save("stored.keras")
    with zipfile.ZipFile("stored.keras") as stored, zipfile.ZipFile(name + ".keras", "w", zipfile.ZIP_DEFLATED) as small:
        for entry in stored.namelist():
            small.writestr(zipfile.ZipInfo(entry, (1980, 1, 1, 0, 0, 0)), stored.read(entry), zipfile.ZIP_DEFLATED)
    os.remove("stored.keras")
    if h5:
        model.save(name + ".h5")


save("dense", keras.Sequential([
    keras.Input((5,)), L.Normalization(), L.Dense(4, activation="silu"), L.BatchNormalization(), L.Dense(4, use_bias=False),
    L.PReLU(), L.LayerNormalization(scale=False), L.SpectralNormalization(L.Dense(4)), L.LeakyReLU(0.2),
    L.GroupNormalization(2), L.Dense(4), L.RMSNormalization(), L.Dropout(0.2), L.UnitNormalization(),
    L.Normalization(invert=True)]), numbers(2, 5))

image = keras.Input((6, 6, 3))
y = L.Rescaling([0.5, -0.25, 2], [0.5, 0, -1])(image)
y = L.Normalization(mean=[0.5, 0.4, 0.3], variance=[0.2, 0.3, 0.4])(y)
y = L.DepthwiseConv2D(3, padding="same")(y)
y = LayerScale(1e-6, 3)(y)
y = L.Add()([image, y])
y = L.BatchNormalization(scale=False)(y)
y = L.SeparableConv2D(4, 3)(y)
y = L.GroupNormalization(2)(y)
y = L.Conv2DTranspose(2, 2, strides=2)(y)
y = L.Rescaling(2, offset=-1)(L.Concatenate()([y, L.Activation("tanh")(y)]))
save("graph", keras.Model(image, L.Dense(2)(L.GlobalAveragePooling2D()(L.LayerNormalization()(y)))), numbers(2, 6, 6, 3), h5=True)

inner = keras.Input((4,))
a = L.Dense(4, activation="relu")(inner)
block = keras.Model(inner, L.Add()([a, L.Dense(4)(a)]), name="block")
deep = keras.Sequential([keras.Input((4,)), L.Dense(3), keras.Sequential([keras.Input((3,)), L.Dense(2)], name="deepest")],
                        name="deep")
save("nested", keras.Sequential([keras.Input((5,)), L.Dense(4), block, L.LayerNormalization(), deep, L.Dense(2)]),
     numbers(2, 5), h5=True)
save("row", keras.Sequential([
    keras.Input((5,)), L.Dense(4), keras.Sequential([keras.Input((4,)), L.Dense(3), L.BatchNormalization()]), L.Dense(2)]),
    numbers(2, 5))
save("sequence", keras.Sequential([
    keras.Input((6, 3)), L.Normalization(), L.Conv1D(3, 3, padding="same"), L.LSTM(4, return_sequences=True),
    L.LayerNormalization(), L.Bidirectional(L.LSTM(3, return_sequences=True)), L.BatchNormalization(),
    L.SimpleRNN(2, return_sequences=True), L.RMSNormalization()]), numbers(2, 6, 3))
save("volume", keras.Sequential([
    keras.Input((4, 3, 4, 2)), L.Conv3D(2, 2), L.BatchNormalization(), L.LayerNormalization()]), numbers(2, 4, 3, 4, 2))
save("words", keras.Sequential([keras.Input((6,)), L.Embedding(10, 4), L.LayerNormalization(), L.LSTM(3)]),
     np.random.RandomState(1).randint(0, 10, (2, 6)).astype("float32"), h5=True)
