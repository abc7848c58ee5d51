/**
 * Networks from ONNX files: {@link dynaxx.onnx.OnnxModel#read} turns an inference graph into a
 * {@link dynaxx.network.Network} of the core's ops and its float initializers into parameters.
 */
package dynaxx.onnx;
