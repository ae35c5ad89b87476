package usbredir

// watch the bridge's plug and tell the guest of it. An error is the connection's
// end, of which the listener hears too.
func (s *session) watch() {
	if s.follow() != nil {
		return
	}
	for {
		select {
		case <-s.door.tell:
			if s.follow() != nil {
				return
			}
		case <-s.ctx.Done():
			return
		}
	}
}

// follow makes the guest see what is so: a bridge that was out meanwhile goes
// first, even if it is there again.
func (s *session) follow() error {
	gone, in := s.door.state()
	s.mu.Lock()
	dev, waits, seen := s.dev, s.waits, s.seen
	s.mu.Unlock()
	if dev != nil && gone != seen {
		if err := s.disconnect(); err != nil {
			return err
		}
		dev, waits = nil, s.l.has(capDisconnectAck)
	}
	if dev == nil && in && !waits {
		return s.connect(gone)
	}
	return nil
}

// connect: what the device is made of comes before it.
func (s *session) connect(seen int) error {
	b := s.door.bridge
	dev := b.NewDevice()
	s.mu.Lock()
	s.dev, s.seen = dev, seen
	s.mu.Unlock()
	if err := s.describe(1); err != nil {
		return err
	}
	const high, super = 2, 3
	speed := byte(high)
	if b.Super() {
		speed = super
	}
	vendor, product, version := b.IDs()
	return s.send(packet{kind: typeConnect, body: s.l.connect(speed, vendor, product, version)})
}

// disconnect: what is pending is answered first, as cancelled.
func (s *session) disconnect() error {
	s.mu.Lock()
	dev := s.dev
	s.dev, s.waits = nil, s.l.has(capDisconnectAck)
	for _, j := range s.pending {
		j.cancel()
	}
	s.mu.Unlock()
	s.flight.Wait()
	dev.Close()
	return s.send(packet{kind: typeDisconnect})
}

// acknowledged: the guest knows that the device is gone; it may come back.
func (s *session) acknowledged() error {
	s.mu.Lock()
	s.waits = false
	s.mu.Unlock()
	s.door.wake()
	return nil
}
