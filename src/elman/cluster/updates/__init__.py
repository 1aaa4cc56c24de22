"""One model's updates, their gradients computed by many workers; the same bits as on one machine."""
