/**
 * Reads networks from ONNX files. Float initializers become parameters.
 *
 * <pre>{@code
 * OnnxModel model = OnnxModel.read(Path.of("model.onnx"), Loss.crossEntropy());
 * try (Device device = Devices.open()) {
 *   Batch batch = model.batch(HostBuffer.of(images), HostBuffer.of(labels));
 *   System.out.println(model.measure(batch, ProbeSettings.certified(), device).spectrum().min());
 * }
 * }</pre>
 */
package dynaxx.onnx;
