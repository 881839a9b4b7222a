import NN
import Processors
import Synchronization
import SyrinxModels
import Torch

/// The tiny model, noting what it is asked for; a token of it can be made to spoil its row.
final class WatchedModel: MultimodalLanguageModel {
    /// Rows and columns of one pass through the decoder.
    struct Pass: Equatable {
        var rows, columns: Int
    }

    /// A token whose embedding is no number, as a weight that is none makes it.
    static let poison = 47

    let passes = Mutex<[Pass]>([])
    private let model = TinyModel.shared

    var vocabularySize: Int { model.vocabularySize }
    var contextLength: Int { model.contextLength }
    var tokenContract: TokenContract { model.tokenContract }

    func encode(_ values: Tensor, _ modality: Modality) -> Tensor { model.encode(values, modality) }

    func embed(tokenIDs: Tensor) -> Tensor {
        let spoilt = tokenIDs.array(of: Int64.self).map { $0 == Int64(Self.poison) ? Float.nan : 0 }
        return model.embed(tokenIDs: tokenIDs) + Tensor(spoilt, shape: tokenIDs.shape + [1])
    }

    func decode(_ embeddings: Tensor, _ pass: DecoderPass) -> DecoderOutput {
        passes.withLock { $0.append(Pass(rows: embeddings.size(0), columns: embeddings.size(1))) }
        return model.decode(embeddings, pass)
    }

    func logits(hiddenStates: Tensor) -> Tensor { model.logits(hiddenStates: hiddenStates) }

    func forwardOperations(_ work: ForwardWork) -> Double { 0 }

    func makeCache(batch: Int, capacity: Int) -> KVCache { model.makeCache(batch: batch, capacity: capacity) }

    /// The passes since the last call.
    func takePasses() -> [Pass] {
        passes.withLock { passes in
            defer { passes = [] }
            return passes
        }
    }
}
