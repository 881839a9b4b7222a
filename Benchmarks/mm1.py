"""MM1's demo model in plain PyTorch, with Syrinx's parameter names: the peer of the training works."""

import torch
import torch.nn.functional as F
from torch import nn


class Attention(nn.Module):
    def __init__(self, width, heads, bias, output):
        super().__init__()
        self.heads, self.output = heads, output
        for name in ("q_proj", "k_proj", "v_proj", output):
            setattr(self, name, nn.Linear(width, width, bias=bias))

    def forward(self, x, rotate=None, mask=None):
        rows, length, width = x.shape
        q, k, v = (
            getattr(self, name)(x).view(rows, length, self.heads, -1).transpose(1, 2)
            for name in ("q_proj", "k_proj", "v_proj"))
        if rotate is not None:
            q, k = rotate(q), rotate(k)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return getattr(self, self.output)(y.transpose(1, 2).reshape(rows, length, width))


class EncoderBlock(nn.Module):
    def __init__(self, width, inner, heads):
        super().__init__()
        self.layer_norm1, self.layer_norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.self_attn = Attention(width, heads, True, "out_proj")
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, inner), "fc2": nn.Linear(inner, width)})

    def forward(self, x):
        x = x + self.self_attn(self.layer_norm1(x))
        return x + self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.layer_norm2(x))))


class Encoder(nn.Module):
    """Convolutional stem, learned positions, pre-norm blocks: 64 pixels to 64 patches."""

    def __init__(self, width=192, inner=768, layers=4, heads=6, channels=(32, 64)):
        super().__init__()
        widths = [3, *channels, width]
        self.embeddings = nn.Module()
        self.embeddings.stem = nn.ModuleList()
        for index in range(len(widths) - 1):
            stage = nn.ModuleDict({"conv": nn.Conv2d(widths[index], widths[index + 1], 3, 2, 1, bias=False)})
            if index < len(channels):
                stage["norm"] = nn.LayerNorm(widths[index + 1])
            self.embeddings.stem.append(stage)
        self.embeddings.position_embedding = nn.Embedding(64, width)
        self.pre_layrnorm, self.post_layernorm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.encoder = nn.Module()
        self.encoder.layers = nn.ModuleList(EncoderBlock(width, inner, heads) for _ in range(layers))

    def forward(self, x):
        for stage in self.embeddings.stem:
            x = stage["conv"](x)
            if "norm" in stage:
                x = F.gelu(stage["norm"](x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)
        x = x.flatten(2).transpose(1, 2) + self.embeddings.position_embedding.weight
        x = self.pre_layrnorm(x)
        for layer in self.encoder.layers:
            x = layer(x)
        return self.post_layernorm(x)


class ChannelNorm(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def convolution(inputs, outputs, kernel, groups=1):
    return nn.ModuleDict({
        "conv": nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False),
        "bn": ChannelNorm(outputs)})


class Bottleneck(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1, self.conv3 = convolution(width, width, 1), convolution(width, width, 1)
        self.conv2 = convolution(width, width, 3, groups=width)
        self.se = nn.ModuleDict({"fc1": nn.Conv2d(width, width // 4, 1), "fc2": nn.Conv2d(width // 4, width, 1)})

    def forward(self, x):
        def run(part, y):
            return part["bn"](part["conv"](y))

        y = F.silu(run(self.conv2, F.silu(run(self.conv1, x))))
        y = y * torch.sigmoid(self.se["fc2"](F.silu(self.se["fc1"](y.mean((2, 3), keepdim=True)))))
        return F.silu(run(self.conv3, y) + x)


class Connector(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.pos_emb = nn.Parameter(torch.randn(1, 64, width) * 0.02)
        self.net = nn.ModuleDict({name: nn.ModuleDict({"b1": Bottleneck(width)}) for name in ("0", "2")})
        self.readout = nn.ModuleDict({"0": nn.Linear(width, hidden), "2": nn.Linear(hidden, hidden)})

    def forward(self, x):
        x = (x + self.pos_emb).transpose(1, 2).unflatten(2, (8, 8))
        x = F.adaptive_avg_pool2d(self.net["0"]["b1"](x), 4)
        x = self.net["2"]["b1"](x).flatten(2).transpose(1, 2)
        return self.readout["2"](F.silu(self.readout["0"](x)))


class DecoderBlock(nn.Module):
    def __init__(self, width, inner, heads):
        super().__init__()
        self.input_layernorm = nn.RMSNorm(width, eps=1e-5)
        self.post_attention_layernorm = nn.RMSNorm(width, eps=1e-5)
        self.self_attn = Attention(width, heads, False, "o_proj")
        self.mlp = nn.ModuleDict({
            "gate_proj": nn.Linear(width, inner, bias=False), "up_proj": nn.Linear(width, inner, bias=False),
            "down_proj": nn.Linear(inner, width, bias=False)})

    def forward(self, x, rotate, mask):
        x = x + self.self_attn(self.input_layernorm(x), rotate, mask)
        y = self.post_attention_layernorm(x)
        return x + self.mlp["down_proj"](F.silu(self.mlp["gate_proj"](y)) * self.mlp["up_proj"](y))


class Decoder(nn.Module):
    def __init__(self, vocabulary, width, inner, layers, heads):
        super().__init__()
        self.size = width // heads
        self.model = nn.Module()
        self.model.embed_tokens = nn.Embedding(vocabulary, width)
        self.model.layers = nn.ModuleList(DecoderBlock(width, inner, heads) for _ in range(layers))
        self.model.norm = nn.RMSNorm(width, eps=1e-5)

    def forward(self, x, positions, mask):
        frequencies = 10000 ** (-torch.arange(0, self.size, 2).float() / self.size)
        angles = (positions.float().unsqueeze(-1) * frequencies).unsqueeze(1)
        cosine, sine = angles.cos().to(x.dtype), angles.sin().to(x.dtype)

        def rotate(y):
            even, odd = y[..., ::2], y[..., 1::2]
            return torch.stack((even * cosine - odd * sine, odd * cosine + even * sine), -1).flatten(-2)

        for layer in self.model.layers:
            x = layer(x, rotate, mask)
        return self.model.norm(x)


class MM1(nn.Module):
    def __init__(self, vocabulary=4096, width=256, inner=768, layers=4, heads=8):
        super().__init__()
        self.vision_encoder = Encoder()
        self.connector = Connector(192, width)
        self.language_model = Decoder(vocabulary, width, inner, layers, heads)

    def loss(self, batch):
        """The summed cross-entropy at labelled positions, which alone are scored."""
        embeddings = self.language_model.model.embed_tokens
        x = embeddings(batch["tokens"])
        shape = x.shape
        if "pixels" in batch:
            visual = self.connector(self.vision_encoder(batch["pixels"]))
            x = x.flatten(0, 1).index_copy(0, batch["visual_positions"], visual.flatten(0, 1).to(x.dtype)).view(shape)
        hidden = self.language_model(x, batch["positions"], batch["mask"]).flatten(0, 1)
        labels = batch["labels"].flatten()
        kept = (labels != -100).nonzero().squeeze(1)
        scores = F.linear(hidden[kept], embeddings.weight)
        return F.cross_entropy(scores.float(), labels[kept], reduction="sum")


def initialise(model, seed):
    """Normal weights of standard deviation fan-in^-0.5, biases small, norms near one."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1:
                fan = parameter[0].numel() if "embed" not in name else parameter.size(-1)
                parameter.normal_(0, fan ** -0.5, generator=generator)
            else:
                parameter.normal_(0, 0.02, generator=generator)
                if name.endswith("weight"):
                    parameter.add_(1)


def block_diagonal_mask(rows, columns, segments):
    """bool [rows, 1, columns, columns]: causal within each segment; padding sees itself."""
    owner = torch.arange(rows * columns).view(rows, columns) + rows * columns
    for index, (row, start, length) in enumerate(segments):
        owner[row, start:start + length] = index
    same = owner.unsqueeze(2) == owner.unsqueeze(1)
    return (same & torch.ones(columns, columns, dtype=torch.bool).tril()).unsqueeze(1)
