import Checkpoints
import Foundation
import NN
import SyrinxModels
import Torch

/// Writes a model of a published size with random bfloat16 weights, to load it, time it and delete it again.
///
/// One tensor at a time is in memory. The vocabulary is handed in, because no random one splits text.
struct RandomModel {
    let size: String

    func write(to path: String, tokenizer: String) throws {
        guard let named = ModelRegistry.namedSizes.first(where: { $0.name == size }) else {
            throw WorkError("there is no size \(size); see syrinx inspect --list")
        }
        let configuration = try named.configuration()
        let store = try ModelRegistry.declare(named.shape).store
        let generator = Generator(seed: 0)
        let tensors = store.parameters.map { parameter in
            PendingTensor(
                parameter.name, dtype: .bfloat16, shape: parameter.shape,
                make: { () throws(CheckpointError) in
                    // Norms near one, everything else small: sums over thousands of terms stay near one.
                    let isNorm = parameter.initializer == .ones
                    let noise = Tensor.randn(parameter.shape, generator: generator, standardDeviation: 0.02)
                    return (isNorm ? noise + 1 : noise).to(.bfloat16)
                })
        }
        let preprocessor = """
            {"size": \(named.shape.description.imageSize ?? 224), "crop_size": \(named.shape.description.imageSize ?? 224), "do_center_crop": true, "do_resize": true,
             "do_normalize": true, "feature_extractor_type": "CLIPFeatureExtractor", "resample": 3,
             "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}
            """
        try ModelFolder.write(
            tensors,
            files: [
                "config.json": [UInt8](configuration), "preprocessor_config.json": Array(preprocessor.utf8),
                "tokenizer.model": [UInt8](try Data(contentsOf: URL(fileURLWithPath: tokenizer))),
            ], to: path)
    }
}
